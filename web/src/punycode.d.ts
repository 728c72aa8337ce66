// punycode ships no types.
declare module 'punycode/punycode.es6.js' {
  const punycode: { encode(text: string): string; decode(code: string): string }
  export default punycode
}
