# Makes the guest's initial file system.
# Reads variables of lab/run: lab, top, work, kernel_dir and the options.
# shellcheck shell=bash disable=SC2154

# quote WORDS...: prints them so that a POSIX shell reads the same words, whatever they hold.
quote() {
	local word
	for word in "$@"; do
		printf "'%s' " "${word//\'/\'\\\'\'}"
	done
}

find_busybox() {
	local file
	file=$(command -v busybox) || lab_error "busybox is missing (Debian package: busybox-static)"
	if ldd "$file" >/dev/null 2>&1; then
		lab_error "$file is not static (Debian package: busybox-static)"
	fi
	printf '%s\n' "$file"
}

# make_initramfs FILE COMMAND...: the image that runs COMMAND; reads kernel_dir, add_files, marker
# and the settings that init sources.
make_initramfs() {
	local image=$1 root=$work/root name file busybox
	shift
	busybox=$(find_busybox)
	mkdir -p "$root/bin" "$root/lib/modules" "$root/lab"
	cp "$busybox" "$root/bin/busybox"
	cp "$lab/guest/init" "$root/init"
	cp "$lab/guest/load-modules" "$lab/guest/in-host" "$lab/guest/report-hang" "$lab/guest/plug-memory" \
		"$root/bin/"
	for name in gmemtrace gmemtraced gmem-load; do
		[ ! -f "$top/build/bin/$name" ] || cp "$top/build/bin/$name" "$root/bin/"
	done
	for file in "${add_files[@]}"; do
		cp -L -- "$file" "$root/bin/" || lab_error "--add $file: cannot copy it"
	done
	[ ! -d "$kernel_dir/selftests" ] || cp "$kernel_dir"/selftests/* "$root/bin/"
	cp "$kernel_dir"/modules/*.ko "$kernel_dir/modules/modules.order" "$root/lib/modules/" 2>/dev/null ||
		: >"$root/lib/modules/modules.order"
	printf '%s' "$marker" >"$root/lab/marker"
	printf 'lab_kvm=%s\nlab_out=%s\nlab_host=%s\nlab_timeout=%s\nlab_plug=%s\n' "$load_kvm" "$out_transport" "$host_root" \
		"$timeout" "${plug:+$(numfmt --from=iec "$plug")}" >"$root/lab/settings"
	printf 'cd /root\nexec %s\n' "$(quote "$@")" >"$root/lab/command"
	(cd "$root" && find . | cpio --quiet -o -H newc -R 0:0) >"$image" || lab_error "cannot write $image"
	rm -rf "$root"
}
