# A Go that is new enough, in PATH. Sourced behind house.sh, not run.
go_wanted=1.26 go_fetched=go1.26.8

# as_new WANTED FOUND: is the version at least the other?
as_new() { [ "$(printf '%s\n' "$1" "$2" | sort -V | head -n 1)" = "$1" ]; }

go_version() { go env GOVERSION 2>/dev/null | sed 's/^go//'; }

# A toolchain is a Go module: an older Go can fetch it, but does not make its programs executable.
fetch_go() {
  local fetched
  fetched=$(cd / && GOFLAGS=-mod=mod go mod download -json "golang.org/toolchain@v0.0.1-$go_fetched.linux-$(go env GOARCH)" \
    | sed -n 's/^\t"Dir": "\(.*\)",$/\1/p')
  chmod -R u+w "$fetched"
  chmod +x "$fetched"/bin/* "$fetched"/pkg/tool/*/*
  PATH=$fetched/bin:$PATH
  unset GOROOT
}

# What PATH has is taken if it is new enough, else Debian's package, and with it a newer one from the Go module proxy.
house_go() {
  as_new $go_wanted "$(go_version)" && return 0
  house_install go
  as_new $go_wanted "$(go_version)" || fetch_go
}
