// Refuse refuses publishers of one stream name, and lets all others in:
//
//	refuse FILE-OF-THE-URL NAME
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"

	"github.com/nats-io/nats.go"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	if len(os.Args) != 3 {
		return errors.New("usage: refuse FILE-OF-THE-URL NAME")
	}
	at, err := os.ReadFile(os.Args[1])
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	nc, err := nats.Connect(strings.TrimSpace(string(at)), nats.Name("refuse"), nats.MaxReconnects(-1))
	if err != nil {
		return err
	}
	defer nc.Close()
	// Of several programs in this queue group one is asked.
	_, err = nc.QueueSubscribe("hooks.v1.publish", "hooks", func(m *nats.Msg) { _ = m.Respond(verdict(m.Data, os.Args[2])) })
	if err != nil {
		return err
	}
	if err := nc.Flush(); err != nil {
		return err
	}
	fmt.Println("answering")
	<-ctx.Done()
	return nil
}

// verdict is the answer to a question.
func verdict(question []byte, name string) []byte {
	var publisher struct{ Name string }
	if json.Unmarshal(question, &publisher) != nil {
		return []byte(`{}`) // no verdict
	}
	answer := map[string]any{"allow": true}
	if publisher.Name == name {
		answer = map[string]any{"allow": false, "reason": "nobody publishes " + name + " here"}
	}
	j, _ := json.Marshal(answer) // a bool and a text: cannot fail
	return j
}
