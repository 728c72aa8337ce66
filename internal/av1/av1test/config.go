// Package av1test has an AV1 configuration for tests.
package av1test

// AV1360 is the configuration (AV1CodecConfigurationRecord), as SVT-AV1 makes it, of
// pictures of 640x360, in hexadecimal digits.
const AV1360 = "81010c000a0b0000000cc4ff6700be0010"
