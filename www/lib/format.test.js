import assert from 'node:assert/strict';
import { test } from 'node:test';
import { baseName, coverage, duration, megabytes, number, signedMegabytes, percent, plural, signed, signedPercent, signedSize, size, utc, visible } from './format.js';

test('whole numbers are exact, with thousands separators and a real minus', () => {
  assert.equal(number(0), '0');
  assert.equal(number(999), '999');
  assert.equal(number(1000), '1,000');
  assert.equal(number(41958548), '41,958,548');
  assert.equal(number(-1234567), '\u22121,234,567');
  assert.equal(number(Number.MAX_SAFE_INTEGER), '9,007,199,254,740,991');
  assert.equal(signed(5), '+5');
  assert.equal(signed(0), '0');
  assert.equal(signed(-5000), '\u22125,000');
});

test('bytes for people: MB is 1,048,576 bytes', () => {
  assert.equal(size(0), '0 bytes');
  assert.equal(size(1), '1 byte');
  assert.equal(size(1023), '1,023 bytes');
  assert.equal(size(1024), '1.0 KB');
  assert.equal(size(20_342_374), '19.4 MB');
  assert.equal(size(171 * 1048576), '171 MB');
  assert.equal(size(2_177_826_296), '2.03 GB');
  assert.equal(signedSize(-39_000), '\u221238.1 KB');
  assert.equal(signedSize(39_000), '+38.1 KB');
});

test('a column of MB keeps its unit and three digits', () => {
  assert.equal(megabytes(7_552_296), '7.202');
  assert.equal(megabytes(1_048_576_000), '1,000.000');
  assert.equal(megabytes(24), '0.000');
  assert.equal(megabytes(0), '0');
  assert.equal(signedMegabytes(524_288), '+0.500');
  assert.equal(signedMegabytes(-524_288), '\u22120.500');
});

test('percent has no infinity and coverage never rounds up to 100', () => {
  assert.equal(percent(1, 0), '\u2014');
  assert.equal(percent(972, 1000), '97.2 %');
  assert.equal(signedPercent(5, 0), '\u2014');
  assert.equal(signedPercent(1123, 1000), '+112.3 %');
  assert.equal(signedPercent(-1, 1000), '\u22120.1 %');
  assert.equal(signedPercent(29_999_600, 1000), '+2,999,960.0 %');
  assert.equal(coverage(10, 10), '100 %');
  assert.equal(coverage(0, 0), '100 %');
  assert.equal(coverage(999_999_999, 1_000_000_000), '99.99 %');
});

test('spans of time and UTC', () => {
  assert.equal(duration(42.4), '42 s');
  assert.equal(duration(77 * 60), '1 h 17 min');
  assert.equal(duration(7 * 3600), '7 h');
  assert.equal(duration(65), '1 min 5 s');
  assert.equal(duration(50 * 3600), '2 days 2 h');
  assert.equal(utc(1795356312), '22 Nov 2026, 14:05:12 UTC');
});

test('words', () => {
  assert.equal(plural(1, 'heap'), 'one heap');
  assert.equal(plural(2462, 'type'), '2,462 types');
  assert.equal(baseName('C:\\home\\site\\w3wp.exe'), 'w3wp.exe');
  assert.equal(baseName('/usr/bin/dotnet'), 'dotnet');
  assert.equal(baseName('dotnet'), 'dotnet');
});

test('what a stranger hid in a name becomes visible', () => {
  assert.equal(visible('a\u202Eexe.b'), 'a\\u202eexe.b');
  assert.equal(visible('a\tb\u0000'), 'a\\u0009b\\u0000');
  assert.equal(visible('Größe<T>'), 'Größe<T>');
});
