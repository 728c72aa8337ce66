package folder

import (
	"errors"
	"os"

	"github.com/helios-h2020/pse/store"
)

// replaceFile writes a small file that is whole at any moment, also when its writer is
// killed: it has its old content, or is missing, until the new one is there. What is left
// of a writer that was killed, NAME.TOKEN, is in no list, and goes with the upload. Of
// writers at the same time one wins.
func replaceFile(root dir, name string, b []byte, sync bool) error {
	if len(b) == 0 {
		return writeFile(root, name, nil, sync) // it is whole when it is there
	}
	fresh := name + "." + store.NewToken()
	err := writeFile(root, fresh, b, sync)
	if err == nil {
		err = root.rename(fresh, name)
	}
	if err != nil {
		_ = root.remove(fresh)
	}
	return err
}

// writeFile writes a file in place.
func writeFile(root dir, name string, b []byte, sync bool) error {
	f, err := root.openFile(name, os.O_CREATE|os.O_WRONLY|os.O_TRUNC)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err == nil && sync {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}
