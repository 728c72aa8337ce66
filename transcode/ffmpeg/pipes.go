package ffmpeg

import "os"

// pipes are those of a child: our ends and its own.
type pipes struct {
	stdin, stderr           *os.File
	outputs                 []*os.File // from its file descriptor 3 on
	childStdin, childStderr *os.File
	childOutputs            []*os.File
}

// openPipes makes the pipes of a child with so many outputs, or none.
func openPipes(outputs int) (*pipes, error) {
	p := &pipes{}
	var err error
	if p.childStdin, p.stdin, err = os.Pipe(); err == nil {
		p.stderr, p.childStderr, err = os.Pipe()
	}
	for i := 0; err == nil && i < outputs; i++ {
		var r, w *os.File
		if r, w, err = os.Pipe(); err == nil {
			p.outputs, p.childOutputs = append(p.outputs, r), append(p.childOutputs, w)
		}
	}
	if err != nil {
		p.closeOurs()
		p.closeChilds()
		return nil, err
	}
	return p, nil
}

func (p *pipes) closeOurs() { closeAll(append([]*os.File{p.stdin, p.stderr}, p.outputs...)) }
func (p *pipes) closeChilds() {
	closeAll(append([]*os.File{p.childStdin, p.childStderr}, p.childOutputs...))
}

func closeAll(files []*os.File) {
	for _, f := range files {
		f.Close() // of one that was not opened it is an error, and nothing else
	}
}
