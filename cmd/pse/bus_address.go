package main

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"strings"
)

// busUser is the user of workers of other processes.
const busUser = "worker"

// reach is the address of a bus elsewhere with its password: a secret. Empty:
// the bus is in this process.
func (c BusConfig) reach() (string, error) {
	password := c.Password
	if c.PasswordFile != "" {
		text, err := os.ReadFile(c.PasswordFile)
		if err != nil {
			return "", fmt.Errorf("bus.password_file: %w", err)
		}
		if password = strings.TrimSpace(string(text)); password == "" {
			return "", fmt.Errorf("bus.password_file: %s is empty", c.PasswordFile)
		}
	}
	if password == "" || c.URL == "" {
		return c.URL, nil
	}
	all := strings.Split(c.URL, ",")
	for i, address := range all {
		u, err := url.Parse(strings.TrimSpace(address))
		if err != nil || u.Host == "" {
			return "", errors.New("bus.url is no address; write nats://host:4222 or tls://host:4222")
		}
		if _, has := u.User.Password(); has {
			return "", errors.New("bus.url has a password, and bus.password or password_file is given too; leave out one of them")
		}
		user := u.User.Username()
		if user == "" {
			user = busUser
		}
		u.User = url.UserPassword(user, password)
		all[i] = u.String()
	}
	return strings.Join(all, ","), nil
}

// withoutPassword is an address as workers elsewhere give it, and the password
// that goes with it.
func withoutPassword(address string) (shown, password string) {
	u, err := url.Parse(address)
	if err != nil {
		return "", ""
	}
	password, _ = u.User.Password()
	u.User = nil
	return u.String(), password
}

// byLoopback is an address of the bus for this machine: one that listens on
// all addresses is reached by loopback.
func byLoopback(address string) (string, error) {
	u, err := url.Parse(address)
	if err != nil {
		return "", fmt.Errorf("write the address of the bus: %w", err)
	}
	if host, port, err := net.SplitHostPort(u.Host); err == nil {
		if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
			u.Host = net.JoinHostPort("127.0.0.1", port)
		}
	}
	return u.String(), nil
}

// writeSecret writes a line into a file for the owner only. Nothing: no file.
func writeSecret(path, line string) error {
	if line == "" {
		return nil
	}
	fresh := path + ".new" // renamed, so that a reader never sees half of it
	if err := errors.Join(os.WriteFile(fresh, []byte(line+"\n"), 0o600), os.Rename(fresh, path)); err != nil {
		return fmt.Errorf("write the address of the bus: %w", err)
	}
	return nil
}
