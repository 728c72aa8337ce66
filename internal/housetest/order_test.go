package housetest

import (
	"fmt"
	"go/ast"
	"go/build"
	"go/importer"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// orders are the files of rooms from the top down: what is in a line may use
// what is in the same line and below. Each file of the room has its place.
func orders() map[string][]string {
	return map[string][]string{
		"signal": {
			"worker.go",
			"admission.go forward.go recovery.go",
			"rooms.go",
			"reconciler.go follower.go member.go",
			"departures.go",
			"roster.go join.go leave.go orphan.go",
			"announcement.go addresses.go auth.go",
			"ice.go facts.go batcher.go",
			"metrics.go guesses.go",
			"presence.go keyed_mutex.go shared.go text.go",
			"config.go room_name.go errors.go",
		},
		"signal/engineio": {
			"server.go handshake.go",
			"proxy.go",
			"sessions.go",
			"session.go polling.go upgrade.go flusher.go config.go",
			"heartbeat.go queue.go flow.go tasks.go",
			"websocket.go",
			"frame_reader.go write_buffer.go",
			"fdconn_linux.go poller_linux.go poller_other.go",
			"cors.go forward.go transport.go",
			"request.go status.go",
			"payload.go packet.go errors.go reason.go doc.go",
		},
		"signal/socketio": {
			"server.go",
			"client.go connect.go socket.go ack.go config.go recovery.go",
			"handshake.go",
			"packet.go",
			"event.go",
			"placeholder.go array.go text.go errors.go doc.go",
		},
		"signal/replay": {
			"buffer.go local.go",
			"peer.go",
			"backlog.go",
			"recipient.go",
			"kind.go position.go doc.go",
		},
		"transcode": {
			"worker.go",
			"job.go resume.go",
			"timeline.go fixedgop.go sound.go plan.go",
			"fanout.go",
			"ladder.go",
			"rendition.go part.go",
			"track.go",
			"bandwidth.go poster.go facts.go publisher.go",
			"segmenter.go",
			"spec.go slots.go metrics.go",
			"checkpoint.go state.go period.go",
			"config.go profile.go errors.go",
		},
		"internal/hlscheck": {
			"check.go",
			"watch.go read.go",
			"client.go series.go",
			"judge.go rule.go report.go rules_http.go rules_list.go rules_master.go rules_media.go rules_reload.go",
			"stream.go",
			"rendition.go decode.go observe.go reply.go",
			"list.go list_parse.go master.go media.go mediainit.go attrs.go box.go",
			"options.go doc.go",
		},
		"turn/relay": {
			"plane_linux.go",
			"events_linux.go generator_linux.go steer_linux.go",
			"registry_linux.go",
			"relayconn_linux.go",
			"shard_linux.go",
			"forwarder_linux.go",
			"routes_linux.go",
			"listener_linux.go allocation_linux.go",
			"clientconn_linux.go datagram_linux.go",
			"sender_linux.go",
			"inbox_linux.go",
			"queue_linux.go",
			"tasks_linux.go procs_linux.go pace_linux.go",
			"socket_linux.go",
			"syscall_linux.go",
			"sockaddr_linux.go",
			"config.go",
			"message.go rate.go usage.go",
			"endpoint.go errors.go doc.go",
		},
		"store": {
			"writer.go link.go hash.go",
			"store.go",
			"backend.go appender.go",
			"progress.go copy.go checksum.go damage.go",
			"info.go",
			"removal.go stored.go id.go errors.go doc.go",
		},
		"store/folder": {
			"appender.go repair.go",
			"folder.go",
			"info.go file.go journal.go config.go",
		},
		"transfer": {
			"worker.go",
			"middleware.go api.go",
			"tus.go download.go follow.go",
			"request.go deadline.go reply.go range.go",
			"reconcile.go done.go estate.go recheck.go hasher.go",
			"uploads.go progress.go concat.go",
			"approval.go partials.go rights.go",
			"facts.go retry.go",
			"locks.go",
			"filename.go mediatype.go metrics.go open.go",
			"config.go errors.go",
		},
		"edge": {
			"worker.go",
			"handler.go api.go",
			"viewers.go errors.go",
			"metrics.go send.go",
			"config.go",
		},
		"edge/http1": {
			"server.go",
			"conn.go",
			"answerer.go queue.go",
			"request.go response.go",
		},
		"edge/stream": {
			"usage.go",
			"directory.go",
			"follower.go media.go list.go",
			"stream.go",
			"source.go",
			"pictures.go cache.go watch.go",
			"playlist.go audience.go errors.go doc.go",
		},
		"edge/hls": {
			"presentation.go",
			"multivariant.go",
			"rendition.go",
			"directive.go playlist.go",
			"view.go",
			"window.go",
			"gap.go pins.go path.go",
			"segment.go number.go doc.go",
		},
		"edge/reply": {
			"body.go reply.go",
			"representation.go",
			"cache.go",
		},
		"bus": {
			"outbox.go",
			"retell.go",
			"connect.go replay.go publish.go hook.go hint.go lease.go",
			"bus.go",
			"adjust.go",
			"embed.go",
			"estate.go ice.go sharedkeys.go storage.go stored.go",
			"calls.go key.go media.go mirror.go part.go relays.go room.go service.go shared.go streamrecord.go tail.go",
			"logs.go direct.go fact_stream.go request.go",
			"account.go events.go flv.go guesses.go header.go metrics.go signal.go sid.go viewers.go workqueue.go errors.go doc.go",
		},
		"bus/server": {
			"health.go metrics.go",
			"limits.go",
			"server.go",
			"mirror.go passwords.go zap.go",
			"accounts.go config.go memory.go sync_linux.go sync_other.go",
		},
		"bus/conn": {
			"leases.go log.go",
			"lease.go record.go watch.go connect.go direct.go follow.go",
			"alive.go broadcast.go handle.go",
			"conn.go",
			"refused.go",
			"explain.go",
			"ensure.go link.go",
			"leaserecord.go conflict.go identity.go errors.go",
		},
		"client": {
			"subscribe.go hook.go",
			"consumer.go",
			"client.go subscription.go",
			"doc.go",
		},
		"ingest/rtmp": {
			"server.go",
			"conn.go listener.go",
			"connset.go filter.go",
			"limitedconn.go adobe.go config.go",
			"publisher.go query.go errors.go",
		},
		"ingest": {
			"worker.go",
			"publisher.go reconciler.go",
			"admission.go",
			"publishers.go",
			"session.go",
			"shared.go",
			"records.go",
			"timeline.go recorder.go codec.go",
			"daytime.go announcer.go ring.go pacer.go allowance.go metrics.go",
			"clock.go config.go errors.go",
		},
		"turn/auth": {
			"credentials.go",
			"users.go",
			"user.go nonce.go",
		},
		"turn/probe": {
			"probe.go",
			"client.go",
			"ask.go",
		},
		"turn": {
			"worker.go",
			"server.go",
			"acceptor.go",
			"packet.go stream.go",
			"requestfilter.go",
			"authpolicy.go ledger.go",
			"answerer.go metrics.go",
			"listen.go fallback.go",
			"dataplane.go socket.go",
			"ports.go",
			"limits.go quota.go",
			"config.go",
			"finder.go peers.go",
			"facts.go neighbourhood.go",
			"addresses.go table.go neighbourhood_linux.go neighbourhood_other.go",
			"network.go reservations.go amplification.go traffic.go logger.go errors.go",
		},
		"cmd/pse": {
			"main.go",
			"cli.go",
			"cli_serve.go",
			"serve.go cli_config.go cli_doctor.go cli_stream.go",
			"workers.go cli_call.go cli_events.go cli_revoke.go cli_turn.go cli_workers.go doctor_bus.go",
			"banner.go cli_bus.go doctor_machine.go worker_edge.go worker_ingest.go worker_signal.go worker_transcode.go worker_transfer.go worker_turn.go",
			"bus_worker.go worker_bus.go worker_demo.go",
			"program.go cli_certificate.go cli_completion.go cli_help.go cli_hls.go cli_ready.go cli_schema.go cli_version.go doctor_reach.go",
			"challenge.go publishing.go cli_grammar.go",
			"site.go reload.go cli_scope.go",
			"admin.go bus_dialer.go bus_port.go certifier.go compat.go config_load.go descriptors.go",
			"acme.go bus_address.go config_coturn.go config_old.go doctor_ports.go front.go log.go running.go secret.go",
			"config.go",
			"config_acme.go cli_flag.go doctor_clock.go",
			"settings.go cli_argument.go config_section.go config_source.go origins.go log_level.go addresses.go admin_visitor.go data.go disks.go error_page.go finding.go renamed.go std.go supervisor.go systemd.go usage.go version.go",
		},
		"store/bucket/credentials": {
			"default.go",
			"chain.go",
			"login.go machine.go process.go role.go",
			"ask.go source.go",
			"profile.go provider.go",
		},
		"store/bucket": {
			"appender.go",
			"bucket.go",
			"object.go",
			"client.go",
			"config.go",
		},
		"store/bucket/s3": {
			"list.go",
			"multipart.go",
			"object.go",
			"client.go",
			"error.go",
		},
		"bus/event": {
			"event.go call.go hook.go relay.go stream.go upload.go doc.go",
		},
		"transcode/ffmpeg": {
			"child.go",
			"arguments.go",
			"jpeg.go",
			"flv.go limits.go",
			"options.go pipes.go errors.go doc.go",
		},
		"transcode/cmaf": {
			"chunk.go",
			"header.go",
			"aac.go avc.go",
			"box.go frame.go errors.go doc.go",
		},
		"signal/dialect": {
			"offers.go",
			"dialect.go",
			"object.go",
		},
		"transfer/filehook": {
			"dir.go",
			"errors.go",
		},
		"transfer/quota": {
			"reader.go",
			"ledger.go",
		},
	}
}

// In a room calls run down: from the top a reader never has to go back up.
func TestFilesOfARoomRunDown(t *testing.T) {
	all, imported := sources(t), exports(t)
	for room, order := range orders() {
		place := map[string]int{}
		for i, names := range order {
			for name := range strings.FieldsSeq(names) {
				place[name] = i
			}
		}
		var files []*ast.File
		info := &types.Info{Uses: map[*ast.Ident]types.Object{}}
		for _, s := range all {
			if s.pkg != room || s.test {
				continue
			}
			if built, err := build.Default.MatchFile(filepath.Join(root, room), path.Base(s.path)); err != nil || !built {
				continue // of another system
			}
			if _, ok := place[path.Base(s.path)]; !ok {
				t.Errorf("%s has no place in the order of its room", s.path)
			}
			files = append(files, s.file)
		}
		fset := all[0].fset
		conf := types.Config{Importer: importer.ForCompiler(fset, "gc", imported)}
		pkg, err := conf.Check(module+"/"+room, fset, files, info)
		if err != nil {
			t.Fatal(err)
		}
		var up []string
		for id, o := range info.Uses {
			if o.Pkg() != pkg || !o.Pos().IsValid() {
				continue
			}
			from, to := fset.Position(id.Pos()), fset.Position(o.Pos())
			if place[path.Base(to.Filename)] < place[path.Base(from.Filename)] {
				up = append(up, fmt.Sprintf("%s/%s:%d uses %s of %s, which is above it", room, path.Base(from.Filename), from.Line, o.Name(), path.Base(to.Filename)))
			}
		}
		slices.Sort(up)
		for _, u := range up {
			t.Error(u)
		}
	}
}

// exports finds the export data of what rooms import.
func exports(t *testing.T) func(string) (io.ReadCloser, error) {
	t.Helper()
	list := []string{"list", "-export", "-deps", "-f", "{{.ImportPath}} {{.Export}}"}
	for room := range orders() {
		list = append(list, module+"/"+room)
	}
	out, err := exec.Command("go", list...).Output()
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for line := range strings.Lines(string(out)) {
		pkg, file, _ := strings.Cut(strings.TrimSpace(line), " ")
		files[pkg] = file
	}
	return func(pkg string) (io.ReadCloser, error) { return os.Open(files[pkg]) }
}
