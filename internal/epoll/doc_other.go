//go:build !linux

// Package epoll is Linux's epoll; elsewhere there is none.
package epoll
