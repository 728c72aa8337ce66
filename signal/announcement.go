package signal

import (
	"encoding/json"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/signal/replay"
)

// peer is a member as the others see it.
type peer struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	Away bool   `json:"away,omitempty"` // its connection broke, and it may come back
}

// info is what a modern client gets with its welcome.
type info struct {
	You   string          `json:"you"`
	Name  string          `json:"name"`
	Max   int             `json:"max"`
	Peers []peer          `json:"peers"` // in order of joining, without itself
	ICE   bus.Credentials `json:"ice"`
}

// announcement is what tells a room of a new member: its welcome, and a join to each
// member that joined before it. Those that join later see it in their own welcome. It
// is written again when it may have been lost: readers drop what they have. ice are
// the credentials of a modern member.
func announcement(r *bus.Room, socketID string, maxMembers int, ice bus.Credentials) []bus.Signal {
	me := r.Member(socketID)
	joinID := replay.JoinID(me)
	welcome := bus.Signal{Room: r.Name, From: socketID, To: socketID, Kind: replay.KindWelcome, ID: "w" + joinID, Name: "joined", Args: [][]byte{quote("/" + r.Name)}}
	if me.PID != "" {
		welcome.Kind = replay.KindWelcomeRecoverable
	}
	all := []bus.Signal{welcome}
	i := info{You: socketID, Name: me.Name, Max: maxMembers, Peers: []peer{}, ICE: ice}
	here, _ := json.Marshal(peer{socketID, me.Name, false}) // strings: cannot fail
	for _, o := range r.Members {
		if o.SID == socketID {
			break
		}
		if o.Left != nil {
			continue
		}
		i.Peers = append(i.Peers, peer{o.SID, o.Name, o.Away != 0})
		all = append(all, bus.Signal{
			Room: r.Name, From: socketID, To: o.SID, Kind: replay.KindJoin, ID: "j" + joinID + o.SID,
			Name: "join", Args: [][]byte{quote(socketID), here},
		})
	}
	if len(i.Peers) == 0 {
		all[0].Name, all[0].Args = "created", append(all[0].Args, quote(socketID))
	}
	if me.Modern {
		j, _ := json.Marshal(i) // cannot fail
		all[0].Args = append(all[0].Args, j)
	}
	return all
}

// lineOf is what tells the modern members whether a member is away, as the record has it.
func lineOf(r *bus.Room, socketID string) []bus.Signal {
	name := "back"
	if r.Member(socketID).Away != 0 {
		name = "away"
	}
	var all []bus.Signal
	for _, o := range r.Present() {
		if o.SID != socketID && o.Modern {
			all = append(all, bus.Signal{Room: r.Name, From: socketID, To: o.SID, Kind: replay.KindLine, ID: replay.LineID(r.Revision, o.SID), Name: name, Args: [][]byte{quote(socketID)}})
		}
	}
	return all
}

// farewell is what tells the remaining members that one left, and readers of the log
// that nothing follows about it.
func farewell(r *bus.Room, m *bus.Member) []bus.Signal {
	joinID := replay.JoinID(m)
	var all []bus.Signal
	for _, to := range m.Left.Tell {
		all = append(all, bus.Signal{Room: r.Name, From: m.SID, To: to, Kind: replay.KindBye, ID: "b" + joinID + to, Name: "message", Args: [][]byte{[]byte(`"bye"`)}})
	}
	return append(all, bus.Signal{Room: r.Name, From: m.SID, Kind: replay.KindGone, ID: "g" + joinID})
}
