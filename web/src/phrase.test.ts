import { expect, test } from 'vitest'
import { ago, behind, bytes, clock, count, left, length } from './phrase.ts'

test('running times', () => {
  expect(clock(0)).toBe('0:00')
  expect(clock(7_999)).toBe('0:07')
  expect(clock(754_000)).toBe('12:34')
  expect(clock(3_723_000)).toBe('1:02:03')
  expect(clock(-5)).toBe('0:00')
})

test('lengths in words', () => {
  expect(length(1_000)).toBe('1 second')
  expect(length(25 * 60_000)).toBe('25 minutes')
  expect(length(3 * 3_600_000)).toBe('3 hours')
  expect(length(3_569_000)).toBe('59 minutes')
  expect(length(3_599_000)).toBe('1 hour')
  expect(length(86_399_000)).toBe('1 day')
  expect(length(2 * 86_400_000)).toBe('2 days')
  expect(ago(3_000)).toBe('just now')
  expect(ago(60_000)).toBe('1 minute ago')
})

test('counts and delays', () => {
  expect(count(1, 'viewer')).toBe('1 viewer')
  expect(count(1204, 'viewer')).toBe('1,204 viewers')
  expect(behind(0.94)).toBe('0.9 s')
  expect(behind(21.4)).toBe('21 s')
  expect(behind(90)).toBe('1:30')
})

test('amounts of data', () => {
  expect(bytes(0)).toBe('0 bytes')
  expect(bytes(1)).toBe('1 byte')
  expect(bytes(999)).toBe('999 bytes')
  expect(bytes(4_200)).toBe('4.2 kB')
  expect(bytes(9_960)).toBe('10 kB')
  expect(bytes(999_600)).toBe('1.0 MB')
  expect(bytes(18e9)).toBe('18 GB')
  expect(bytes(5e15)).toBe('5000 TB')
})

test('time left', () => {
  expect(left(0)).toBe('1 second left')
  expect(left(3_200)).toBe('4 seconds left')
  expect(left(21_000)).toBe('25 seconds left')
  expect(left(12 * 60_000)).toBe('12 minutes left')
})
