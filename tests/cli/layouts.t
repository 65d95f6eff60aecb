#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Layouts that the lab's kernels have, had or may come to have, as made BTF: which fields the sensors find, and where.
# libbpf itself matches them (bpftool gen min_core_btf leaves of a BTF what an object's relocations take); nothing is loaded.
# shellcheck source-path=SCRIPTDIR source=../vm/lib.sh
. "$(dirname -- "$0")/../vm/lib.sh"

cd "$top" || exit 1
for command in clang bpftool; do
	command -v "$command" >/dev/null || skip_all "$command is missing (lab/packages build installs it)"
done

# found LINUX: a line each of what is found in that layout, TYPE.FIELD OFFSET, in bytes.
found() {
	clang -g -O2 -target bpf -DLINUX="$1" -c tests/unit/fixtures/layouts.c -o "$test_work/made.o" &&
		bpftool gen min_core_btf "$test_work/made.o" "$test_work/found.btf" build/bpf/{sensors,map}.bpf.o &&
		bpftool btf dump file "$test_work/found.btf" format raw | awk '
			/^\[/ { type = $3; gsub("\047", "", type) }
			/bits_offset=/ && /^\t/ { gsub("\047", "", $1); sub("bits_offset=", "", $3); print type "." $1 "@" $3 / 8 }'
}

# finds LINUX FIELD...: of those whose layout differs, exactly these, as TYPE.FIELD@OFFSET.
finds() {
	local linux=$1
	shift
	is "$(found "$linux" | grep -vE '^(xarray|list_head|inode|address_space\.flags|folio\.(index|mapping|private))' | sort)" \
		"$(for field; do echo "$field"; done | sort)" "${said[$linux]}: each field is found where it stands, and no other"
}

declare -A said=([0]='a kernel that calls it all otherwise' [9999]='what is not merged yet')
for linux in 601 608 616 618 619 701; do
	said[$linux]="Linux ${linux:0:1}.$((10#${linux:1}))"
done
promised=(kvm.mem_attr_array@48 kvm_gmem.bindings@80 kvm_gmem.kvm@96 kvm_gmem.entry@104)
renamed=("${promised[@]/kvm_gmem/gmem_file}" vm_area_desc.file@88 folio.flags@56 '(anon).f@0' gmem_inode.flags@32)
finds 601 folio.flags@56 page.compound_head@48
finds 608 folio.flags@56 page.compound_head@48 "${promised[@]}" address_space.i_private_list@32
finds 616 folio.flags@56 page.compound_head@48 "${promised[@]}" address_space.i_private_list@32 vm_area_desc.file@88
# Since 6.18 flags are found in two steps: the member, and `f` in it.
finds 618 folio.flags@56 '(anon).f@0' page.compound_head@48 "${promised[@]}" address_space.i_private_list@32 vm_area_desc.file@88
finds 619 "${renamed[@]}" page.compound_head@48 address_space.i_private_list@32 gmem_inode.vfs_inode@40
finds 701 "${renamed[@]}" page.compound_info@48 gmem_inode.gmem_file_list@40 gmem_inode.vfs_inode@56
finds 9999 "${renamed[@]}" page.compound_info@48 gmem_inode.gmem_file_list@40 gmem_inode.attributes@56 gmem_inode.vfs_inode@72
finds 0
end_tests print-plan
