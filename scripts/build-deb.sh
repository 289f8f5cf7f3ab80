#!/bin/sh
# build-deb.sh: packs what `make build` built into build/spillway_VERSION_ARCH.deb. It needs no root, since dpkg-deb
# writes the owners. The version is that of packaging/debian/changelog, and the tool must have the same.
set -eu
cd "$(dirname "$0")/.."

fail() { printf 'build-deb: %s\n' "$*" >&2; exit 1; }

source=packaging/debian
stage=build/deb/root
doc=$stage/usr/share/doc/spillway
version=$(dpkg-parsechangelog -l "$source/changelog" -S Version)
arch=$(dpkg --print-architecture)
# With this, two builds of the same sources give the same bytes.
SOURCE_DATE_EPOCH=$(dpkg-parsechangelog -l "$source/changelog" -S Timestamp)
export SOURCE_DATE_EPOCH

said=$(build/bin/spillway --version)
case $said in
*"$version"*) ;;
*) fail "build/bin/spillway is version '$said', $source/changelog says $version" ;;
esac

rm -rf build/deb
umask 022
mkdir -p "$stage/DEBIAN" "$doc" build/deb/debian
make --no-print-directory install DESTDIR="$PWD/$stage" PREFIX=/usr SYSCONFDIR=/etc \
    ZSHCOMPDIR=/usr/share/zsh/vendor-completions
for page in "$stage"/usr/share/man/man*/*; do gzip -9n "$page"; done
gzip -9nc "$source/changelog" >"$doc/changelog.gz"
install -m 644 "$source/copyright" "$doc/copyright"
install -Dm 644 "$source/lintian-overrides" "$stage/usr/share/lintian/overrides/spillway"

# The libraries the tool is linked with; the agent is static. dpkg-shlibdeps insists on a debian/control.
printf 'Source: spillway\n\nPackage: spillway\nArchitecture: any\n' >build/deb/debian/control
depends=$(cd build/deb && dpkg-shlibdeps -O root/usr/bin/spillway | sed -n 's/^shlibs:Depends=//p')
[ -n "$depends" ] || fail "dpkg-shlibdeps names no library for the tool"
case $(LC_ALL=C ldd build/bin/spillway) in
*libswift* | *"not found"*) fail "build/bin/spillway needs a library that Debian has not: see ldd" ;;
esac

size=$(du -sk --apparent-size "$stage" | cut -f 1)
sed -e "s/@VERSION@/$version/" -e "s/@ARCH@/$arch/" -e "s/@SIZE@/$size/" -e "s/@DEPENDS@/$depends/" \
    "$source/control.in" >"$stage/DEBIAN/control"
(cd "$stage" && find etc -type f -printf '/%p\n' | sort >DEBIAN/conffiles)
(cd "$stage" && find . -type f -not -path './DEBIAN/*' -not -path './etc/*' -printf '%P\0' |
    sort -z | xargs -0 md5sum >DEBIAN/md5sums)
for script in postinst prerm postrm; do
    install -m 755 "$source/$script" "$stage/DEBIAN/$script"
done

dpkg-deb --root-owner-group -Zxz --build "$stage" "build/spillway_${version}_$arch.deb"
