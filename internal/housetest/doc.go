// Package housetest holds the rules of the house as tests: who may import
// whom, how long a file gets, what no file of ours does (docs/contributing.md).
// Each rule comes with its reason.
package housetest
