package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// readmeCommands are the lines of the README's chapter on workers that run alone.
func readmeCommands(t *testing.T) []string {
	t.Helper()
	_, text, _ := strings.Cut(deployFile(t, "../README.md"), "\n## All in one, or split\n")
	_, text, _ = strings.Cut(text, "```\n")
	text, _, ok := strings.Cut(text, "```")
	if !ok {
		t.Fatal("the README has no commands for workers that run alone")
	}
	return strings.Split(strings.TrimSpace(text), "\n")
}

// splitNet is two boxes and a phone in one network.
const splitNet = `
set -e
ip netns add $P-lan
ip -n $P-lan link add br0 type bridge; ip -n $P-lan link set br0 up
for h in box:1 other:2 phone:3; do
	n=$P-${h%:*}
	ip netns add $n
	ip link add eth0 netns $n type veth peer name ${h%:*} netns $P-lan
	ip -n $n addr add 192.0.2.${h#*:}/24 dev eth0; ip -n $n link set eth0 up; ip -n $n link set lo up
	ip -n $P-lan link set ${h%:*} master br0; ip -n $P-lan link set ${h%:*} up
	mkdir -p /etc/netns/$n
	printf '127.0.0.1 localhost\n192.0.2.1 box box.local live.example.org\n192.0.2.2 other\n' >/etc/netns/$n/hosts
done
`

// splitNetwork is the machines on which the README's commands run.
type splitNetwork struct {
	t      *testing.T
	prefix string
	root   string
}

func newSplitNetwork(t *testing.T) *splitNetwork {
	w := &splitNetwork{t: t, prefix: fmt.Sprintf("pses%d", os.Getpid()), root: t.TempDir()}
	t.Cleanup(func() {
		for _, n := range []string{"lan", "box", "other", "phone"} {
			_ = exec.Command("ip", "netns", "del", w.prefix+"-"+n).Run()
			_ = os.RemoveAll("/etc/netns/" + w.prefix + "-" + n)
		}
	})
	lay := exec.Command("sh", "-c", splitNet)
	lay.Env = append(os.Environ(), "P="+w.prefix)
	if out, err := lay.CombinedOutput(); err != nil {
		t.Fatalf("lay the network: %v\n%s", err, out)
	}
	for _, dir := range []string{"bin", "box", "other", "phone"} {
		if err := os.Mkdir(filepath.Join(w.root, dir), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	deploy, err := filepath.Abs("../../deploy")
	if err == nil {
		err = errors.Join(os.Symlink(binary(t), w.root+"/bin/pse"), os.Symlink(deploy, w.root+"/box/deploy"))
	}
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// on is a command line of a shell on a machine, in its directory.
func (w *splitNetwork) on(machine, line string, env ...string) *exec.Cmd {
	cmd := exec.Command("ip", "netns", "exec", w.prefix+"-"+machine, "bash", "-c", line)
	cmd.Dir = filepath.Join(w.root, machine)
	cmd.Env = append(append([]string{
		"PATH=" + filepath.Join(w.root, "bin") + ":" + os.Getenv("PATH"), "HOME=" + cmd.Dir, "PSE_DATA=" + filepath.Join(cmd.Dir, "data"),
	}, env...), "LANG=C")
	return cmd
}

// run runs it to its end.
func (w *splitNetwork) run(machine, line string, env ...string) string {
	w.t.Helper()
	out, err := w.on(machine, line, env...).CombinedOutput()
	if err != nil {
		w.t.Fatalf("%s: %s: %v\n%s", machine, line, err, out)
	}
	return string(out)
}

// splitJob is what runs until the test ends, and what it has said.
type splitJob struct {
	name string
	log  string
	done chan struct{}
}

func (j *splitJob) said() string {
	b, _ := os.ReadFile(j.log)
	return string(b)
}

// start runs it until the test ends, or until it is stopped.
func (w *splitNetwork) start(machine, line string, env ...string) (_ *splitJob, stop func()) {
	w.t.Helper()
	cmd := w.on(machine, "exec "+line, env...)
	log, err := os.CreateTemp(w.root, machine)
	if err != nil {
		w.t.Fatal(err)
	}
	defer log.Close()
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
	j := &splitJob{machine + ": " + line, log.Name(), make(chan struct{})}
	go func() { _ = cmd.Wait(); close(j.done) }()
	stop = func() {
		_ = cmd.Process.Signal(os.Interrupt)
		select {
		case <-j.done:
		case <-time.After(30 * time.Second):
			_ = cmd.Process.Kill()
			<-j.done
		}
	}
	w.t.Cleanup(func() {
		stop()
		if w.t.Failed() {
			w.t.Logf("%s said: %s", j.name, j.said())
		}
	})
	return j, stop
}

// admin is the address in a worker's banner, once it has one.
func (w *splitNetwork) admin(j *splitJob) string {
	w.t.Helper()
	admin := regexp.MustCompile(`Admin +http://(\S+)/readyz`)
	eventually(w.t, func() error {
		select {
		case <-j.done:
			w.t.Fatalf("%s has ended: %s", j.name, j.said())
		default:
		}
		if admin.FindString(j.said()) == "" {
			return fmt.Errorf("%s has no banner: %s", j.name, j.said())
		}
		return nil
	})
	return admin.FindStringSubmatch(j.said())[1]
}

// The commands of the README for workers that run alone, word for word: on one box,
// with one more transcoder and edge on another, behind both proxies that it names.
func TestSplitAsTheREADMESays(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("namespaces of the network are for root")
	}
	w := newSplitNetwork(t)
	var env []string
	var caddy string
	admins := map[string]string{}
	for _, line := range readmeCommands(t) {
		line, _, _ = strings.Cut(line, "#")
		line = strings.TrimSpace(line)
		switch word, rest, _ := strings.Cut(line, " "); {
		case word == "export":
			env = append(env, strings.Fields(rest)...)
		case word == "caddy":
			caddy = line
		case strings.HasPrefix(line, "pse serve "):
			machines := []string{"box"}
			if strings.Contains(line, "transcode") || strings.Contains(line, "edge") {
				machines = append(machines, "other")
			}
			for _, m := range machines {
				j, _ := w.start(m, line, env...)
				at := w.admin(j)
				if was := admins[m+" "+at]; was != "" {
					t.Errorf("%s and %s have one admin port, %s", j.name, was, at)
				}
				admins[m+" "+at] = j.name
				eventually(t, func() error {
					out, err := w.on(m, "pse ready --set admin.listen="+at).CombinedOutput()
					if err != nil {
						return fmt.Errorf("%s is not ready: %w: %s, it said %s", j.name, err, out, j.said())
					}
					return nil
				})
				links := regexp.MustCompile(`http://\S+`).FindAllString(strings.ReplaceAll(j.said(), "http://"+at, ""), -1)
				w.run("phone", os.Args[0]+" -test.run '^TestVisitor$' -test.v", "PSE_VISIT_LINKS="+strings.Join(links, " "))
			}
			if strings.Contains(line, "serve bus") {
				for _, m := range []string{"box", "other"} {
					w.run("box", "cp $PSE_DATA/bus.password ../"+m+"/")
				}
			}
		default:
			t.Errorf("the README has %q, which this test does not know", line)
		}
	}

	key := regexp.MustCompile(`\S{16,}`).FindString(w.run("box", "pse stream keys", env...))
	w.start("phone", "ffmpeg -hide_banner -nostdin -v error -re -f lavfi -i testsrc2=size=320x180:rate=30 -f lavfi -i sine=frequency=440:sample_rate=48000"+
		" -c:v libx264 -preset ultrafast -tune zerolatency -g 60 -pix_fmt yuv420p -c:a aac -ac 2 -f flv 'rtmp://box/live/cam?key="+key+"'")

	for _, proxy := range []struct {
		command, url, root string
		env                []string
	}{
		{caddy, "https://box.local", "box/.local/share/caddy/pki/authorities/local/root.crt", []string{"PSE_NAME=box.local", "PSE_EDGES=127.0.0.1:8081 192.0.2.2:8081"}},
		{w.nginx(), "https://live.example.org", "box/cert.pem", nil},
	} {
		j, stop := w.start("box", proxy.command, proxy.env...)
		said := w.run("phone", os.Args[0]+" -test.run '^TestVisitor$' -test.v -test.timeout 2m",
			"PSE_VISIT="+proxy.url, "PSE_VISIT_KEY="+key, "SSL_CERT_FILE="+filepath.Join(w.root, proxy.root))
		t.Logf("%s:\n%s", j.name, said)
		stop()
	}
}

// nginx is the command that runs the configuration we give out, with a certificate
// for this network.
func (w *splitNetwork) nginx() string {
	w.t.Helper()
	dir := filepath.Join(w.root, "box")
	cert, key := certified(w.t, -time.Hour, time.Hour)
	if err := os.Symlink(cert, dir+"/cert.pem"); err != nil {
		w.t.Fatal(err)
	}
	conf := deployFile(w.t, "nginx.conf")
	for was, is := range map[string]string{
		"/etc/ssl/live.example.org.pem":     cert,
		"/etc/ssl/live.example.org.key":     key,
		"\tserver 127.0.0.1:8081 max_fails": "\tserver 192.0.2.2:8081 max_fails=1 fail_timeout=1s;\n\tserver 127.0.0.1:8081 max_fails",
	} {
		if !strings.Contains(conf, was) {
			w.t.Fatalf("deploy/nginx.conf has no %q", was)
		}
		conf = strings.Replace(conf, was, is, 1)
	}
	whole := "daemon off;\npid nginx.pid;\nerror_log stderr;\nevents {}\nhttp {\naccess_log off;\n" + conf + "}\n"
	if err := os.WriteFile(dir+"/nginx.conf", []byte(whole), 0o600); err != nil {
		w.t.Fatal(err)
	}
	return "nginx -p " + dir + " -c " + dir + "/nginx.conf"
}
