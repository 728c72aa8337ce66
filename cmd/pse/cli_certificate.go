package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"time"

	"github.com/spf13/cobra"

	"github.com/helios-h2020/pse/internal/certificate"
)

type (
	certificateShow  struct{}
	certificateRenew struct{}
)

func newCertificateCommand(s *scope) *cobra.Command {
	show := s.leaf("show", "Show the certificates by ACME, and the private root: its fingerprint, its end, what it may vouch for.", certificateShow{})
	renew := s.leaf("renew", "Make a new private root at once; each device must then install it.", certificateRenew{})
	return s.group("certificate", "The private root that devices install to trust this box.", show, show, renew)
}

// Run shows the root.
func (certificateShow) Run(s *scope) error {
	l, err := s.load()
	if err != nil {
		return err
	}
	c := newCertifier(l.Config, nil)
	if c.cfg.Cert != "" {
		_, err := fmt.Fprintf(s.out, "The certificate is the owner's: %s; no private root is in use.\n", c.cfg.Cert)
		return err
	}
	if len(c.cfg.ACME.Names) > 0 {
		if err := c.printStates(s.out); err != nil {
			return err
		}
	}
	root, err := certificate.Look(c.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("there is no private root in %s yet; the first pse serve makes it, or give another directory with --data", c.dir)
	} else if err != nil {
		return err
	}
	return printRoot(s.out, root)
}

// Run makes a new root.
func (certificateRenew) Run(s *scope) error {
	l, err := s.load()
	if err != nil {
		return err
	}
	c := newCertifier(l.Config, nil)
	if c.cfg.Cert != "" {
		return fmt.Errorf("the certificate is the owner's: renew %s, which PSE reads anew by itself", c.cfg.Cert)
	}
	root, err := certificate.Renew(c.dir, certificate.Box(c.names))
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("there is no private root in %s yet; the first pse serve makes it, or give another directory with --data", c.dir)
	} else if err != nil {
		return err
	}
	if err := printRoot(s.out, root); err != nil {
		return err
	}
	_, err = fmt.Fprint(s.out, "\nA running pse serve uses it within seconds. Each device now installs it from /certificate, and can forget the one before.\n")
	return err
}

// printStates shows the certificates by ACME.
func (c *certifier) printStates(w io.Writer) error {
	how, err := c.byACME()
	if err != nil {
		return err
	}
	states, err := certificate.LookACME(c.acmeDir(), how)
	if err != nil {
		return err
	}
	for _, st := range states {
		if _, err := fmt.Fprintf(w, "By ACME    %s\n", st); err != nil {
			return err
		}
		if st.Failed != "" {
			if _, err := fmt.Fprintf(w, "  failed   %s\n", st.Failed); err != nil {
				return err
			}
		}
	}
	_, err = fmt.Fprint(w, "\nDevices that ask for another name or address get a certificate of the private root:\n")
	return err
}

func printRoot(w io.Writer, root certificate.Root) error {
	_, err := fmt.Fprintf(w, "SHA-256    %s\nUntil      %s\nVouches    for %s\n", root.Fingerprint, root.Until.Format(time.DateOnly), root)
	if e := root.Earlier; err == nil && e != nil {
		until := "out of use"
		if !e.Until.IsZero() {
			until = "good until " + e.Until.Format(time.DateOnly)
		}
		_, err = fmt.Fprintf(w, "Before it  %s, %s\n", e.Fingerprint, until)
	}
	if err == nil && !root.Constrained {
		_, err = fmt.Fprint(w, "\nWho steals its key is believed for any site by the devices that trust it: pse certificate renew makes one that is not.\n")
	}
	return err
}
