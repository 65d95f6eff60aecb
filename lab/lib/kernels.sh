# Finds kernels: the project's own through kernel/build and kernel/folio/build, Debian's through lab/stock, any by its directory.
# Reads variables of lab/run: lab, top, work, kernel_dir and the options.
# shellcheck shell=bash disable=SC2154

list_names() {
	"$lab/stock" --list
	[ ! -x "$top/kernel/build" ] || "$top/kernel/build" --list
	[ ! -x "$top/kernel/folio/build" ] || "$top/kernel/folio/build" --list
}

# require_name KIND NAME: ends with a usage error unless `--list` has the line.
require_name() {
	list_names | grep -xF -- "$1 $2" >/dev/null || usage_error "unknown $1 '$2', see lab/run --list"
}

# resolve_kernel NAME FAULT VARIANT: sets kernel_dir, built or fetched when it is not cached.
resolve_kernel() {
	local name=$1 fault=$2 variant=$3
	local command=("$top/kernel/build" "$name")

	if [[ $name == */* ]]; then
		[ -z "$fault$variant" ] || usage_error "--fault and --variant need a kernel by name, not a directory"
		[ -f "$name/bzImage" ] || usage_error "--kernel $name: no bzImage in this directory"
		kernel_dir=$(readlink -f -- "$name")
		return
	fi
	require_name kernel "$name"
	[ -z "$fault" ] || require_name fault "$fault"
	[ -z "$variant" ] || require_name variant "$variant"
	if [[ $name == stock-* ]]; then
		[ -z "$fault$variant" ] || usage_error "kernel $name is Debian's own, it has no faults or variants"
		command=("$lab/stock" "$name")
	fi
	[[ $name != gmem-folio* ]] || command=("$top/kernel/folio/build" "$name")
	[ -z "$fault" ] || command+=(--fault "$fault")
	[ -z "$variant" ] || command+=(--variant "$variant")
	kernel_dir=$("${command[@]}" | tail -n 1) || lab_error "cannot get kernel $name (${command[*]} failed)"
	[ -f "$kernel_dir/bzImage" ] || lab_error "kernel $name: no bzImage in '$kernel_dir'"
}

# kernel_has OPTION: whether the kernel's configuration has it built in or as a module.
kernel_has() {
	[ -f "$kernel_dir/config" ] && grep -q "^$1=[ym]" "$kernel_dir/config"
}
