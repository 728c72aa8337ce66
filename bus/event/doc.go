// Package event has what PSE tells and asks: events, hooks, and how they travel
// (docs/events.md). It knows nothing of PSE but that, and no library of NATS, so
// that programs of others can use it; by package client they get what it describes.
package event
