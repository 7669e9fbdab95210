package config

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"strings"
	"text/template"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/kelseyhightower/envconfig"
)

// setting is one variable as a reader sees it.
type setting struct {
	name     string // in full
	fallback string // default
	value    string // in force; may hold a password, see shown
	given    bool   // the value is from the environment
	url      bool   // the value is a URL, which may hold a password
	faulty   bool   // a fault of it was found
	meaning  string
}

// describe lists the variables in the order of their declaration. It goes
// through envconfig's usage templates, the one way to learn the names that
// envconfig makes of the fields.
func describe(env *environment) ([]setting, error) {
	var settings []setting
	add := func(name, fallback, value, url, meaning string) string {
		settings = append(settings, setting{
			name: name, fallback: fallback, url: url == "true", meaning: meaning,
			value: cmp.Or(value, fallback),
			// Process has put the default into value by now.
			given: os.Getenv(name) != "",
		})
		return ""
	}
	each, err := template.New("settings").Funcs(template.FuncMap{"add": add}).
		Parse(`{{range .}}{{add .Key (.Tags.Get "default") .Field.String (.Tags.Get "url") (.Tags.Get "desc")}}{{end}}`)
	if err != nil {
		return nil, err
	}
	return settings, envconfig.Usaget(prefix, env, io.Discard, each)
}

// Table writes every variable with its default, the value in force and its
// meaning, aligned for a terminal. Of a URL, user and password are hidden.
func (c Config) Table(w io.Writer) error {
	t := table.NewWriter()
	t.SetStyle(table.StyleLight)
	t.Style().Options = table.OptionsNoBordersAndSeparators
	t.Style().Format.Header = text.FormatDefault
	t.SuppressTrailingSpaces()
	t.SetColumnConfigs([]table.ColumnConfig{{Number: 4, WidthMax: 72, WidthMaxEnforcer: text.WrapSoft}})
	t.AppendHeader(table.Row{"VARIABLE", "DEFAULT", "VALUE", "MEANING"})
	for _, s := range c.settings {
		t.AppendRow(table.Row{s.name, s.fallback, s.shown(), s.meaning})
	}
	_, err := fmt.Fprintln(w, t.Render())
	return err
}

// Markdown writes every variable with its default and meaning, for the README.
func Markdown(w io.Writer) error {
	settings, err := describe(&environment{})
	if err != nil {
		return fmt.Errorf("describe environment: %w", err)
	}
	t := table.NewWriter()
	t.AppendHeader(table.Row{"Variable", "Default", "Meaning"})
	for _, s := range settings {
		t.AppendRow(table.Row{code(s.name), code(s.fallback), strings.ReplaceAll(s.meaning, "*", `\*`)})
	}
	_, err = fmt.Fprintln(w, t.RenderMarkdown())
	return err
}

func code(s string) string {
	if s == "" {
		return ""
	}
	return "`" + s + "`"
}
