package main

import (
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// A textValue is the value of a flag; called is the word for it in the help.
type textValue struct {
	into   *string
	called string
}

// String implements pflag.Value.
func (v *textValue) String() string { return *v.into }

// Type is where pflag looks for the word.
func (v *textValue) Type() string { return v.called }

// Set takes any text.
func (v *textValue) Set(text string) error {
	*v.into = text
	return nil
}

func textVar(flags *pflag.FlagSet, p *string, name, called, help string) {
	flags.Var(&textValue{p, called}, name, help)
}

// A listValue is that of a flag that may be repeated; commas part nothing.
type listValue struct {
	into   *[]string
	called string
}

// String implements pflag.Value.
func (v *listValue) String() string { return strings.Join(*v.into, " ") }

// Type is where pflag looks for the word.
func (v *listValue) Type() string { return v.called }

// Set adds one.
func (v *listValue) Set(text string) error {
	*v.into = append(*v.into, text)
	return nil
}

// GetSlice tells cobra's completion that the flag may be repeated.
func (v *listValue) GetSlice() []string { return *v.into }

// A toggle is a flag that is given or not; what is behind a = may say which.
type toggle bool

// String implements pflag.Value.
func (t *toggle) String() string { return strconv.FormatBool(bool(*t)) }

// Type is what pflag calls it.
func (*toggle) Type() string { return "bool" }

// Set takes yes and no too.
func (t *toggle) Set(text string) error {
	switch strings.ToLower(text) {
	case "true", "1", "yes":
		*t = true
	case "false", "0", "no":
		*t = false
	default:
		return errors.New("neither true nor false")
	}
	return nil
}

func toggleVar(cmd *cobra.Command, p *bool, name, help string) {
	cmd.Flags().VarPF((*toggle)(p), name, "", help).NoOptDefVal = "true"
}

// exclusive says that of two flags only one may be given.
func exclusive(cmd *cobra.Command, one, other string) {
	cmd.MarkFlagsMutuallyExclusive(one, other) // for completion
	cmd.PreRunE = func(cmd *cobra.Command, _ []string) error {
		if cmd.Flags().Changed(one) && cmd.Flags().Changed(other) {
			return fmt.Errorf("--%s and --%s can't be used together", one, other)
		}
		return nil
	}
}

// valuesAreNoFlags looks for a flag without its value, for which the flag behind it was taken.
func valuesAreNoFlags(cmd *cobra.Command, args []string) error {
	for i := 0; i+1 < len(args) && args[i] != "--"; i++ {
		name, long := strings.CutPrefix(args[i], "--")
		f := cmd.Flags().Lookup(name)
		if !long || f == nil || f.NoOptDefVal != "" {
			continue
		}
		if i++; len(args[i]) > 1 && args[i][0] == '-' {
			return fmt.Errorf("--%s wants a value, but %s follows; if it is the value write --%s=%s", name, args[i], name, args[i])
		}
	}
	return nil
}

// flagError says in our words what pflag found.
func flagError(cmd *cobra.Command, err error) error {
	var (
		unknown *pflag.NotExistError
		bare    *pflag.ValueRequiredError
		invalid *pflag.InvalidValueError
	)
	switch {
	case errors.As(err, &unknown):
		name, written := unknown.GetSpecifiedName(), "--"+unknown.GetSpecifiedName()
		if short := unknown.GetSpecifiedShortnames(); short != "" {
			name, written = short, "-"+short
		}
		var names []string
		cmd.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
		if near := suggest(name, names); near != "" {
			return fmt.Errorf("unknown flag %s; did you mean %q?", written, "--"+near)
		}
		return fmt.Errorf("unknown flag %s of %s", written, cmd.CommandPath())
	case errors.As(err, &bare):
		what, _ := pflag.UnquoteUsage(bare.GetFlag())
		return fmt.Errorf("--%s wants a value: --%s=%s", bare.GetSpecifiedName(), bare.GetSpecifiedName(), what)
	case errors.As(err, &invalid):
		kind := reflect.TypeFor[bool]()
		if invalid.GetFlag().Value.Type() == "duration" {
			kind = reflect.TypeFor[time.Duration]()
		}
		return fmt.Errorf("--%s: %q is not %s", invalid.GetFlag().Name, invalid.GetValue(), kindName(kind))
	}
	return err
}
