#!/bin/bash
# test/asan_python.sh [pytest arguments]: the Python tests on an extension with AddressSanitizer and UBSan, in Debian's debug
# interpreter (python3-dbg), whose own assertions check reference counts and exceptions. Run after `make MODE=pyasan ext launcher`.
#
# Makes build/pyasan/installation, which test/conformance/harness.py takes in place of .venv (CHARIOT_TEST_BIN). Memory of
# Python objects comes from malloc, so that every use after free is seen; leaks of the interpreter's own are not looked for.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
home=$root/build/pyasan/installation
debug_python=$(command -v python3.11d || command -v python3-dbg) || { echo "asan_python: python3-dbg is not installed" >&2; exit 1; }

mkdir -p "$home/bin" "$home/lib"
rm -rf "$home/lib/chariot"
cp -r python/chariot "$home/lib/"
cp python/_chariot_alias.py python/chariot.pth "$home/lib/"
echo "import site; site.addsitedir('$home/lib')" >"$home/lib/sitecustomize.py" # .pth files of a PYTHONPATH are not read
rm -f "$home"/lib/chariot/*.so*
suffix=$("$debug_python" -c 'import sysconfig; print(sysconfig.get_config_var("EXT_SUFFIX"))')
cp --remove-destination build/pyasan/python/_core.so "$home/lib/chariot/_core$suffix"
ln -sf "$root/build/pyasan/libchariot.so.0" "$home/lib/chariot/libchariot.so.0" # the links that were copied lead nowhere
ln -sfn "$root/build/release/include" "$home/lib/chariot/include"
packages=$(.venv/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
cat >"$home/bin/python" <<END
#!/bin/bash
export LD_PRELOAD=$(gcc -print-file-name=libasan.so):$(gcc -print-file-name=libubsan.so) PYTHONMALLOC=malloc
export PYTHONPATH=$home/lib:$packages PATH=$home/bin:\$PATH
export LD_LIBRARY_PATH=$root/build/pyasan # ASan's dlopen() does not look beside who calls it: libchariot-grpc.so
export ASAN_OPTIONS=detect_leaks=0:detect_stack_use_after_return=0:replace_intrin=0:abort_on_error=1:handle_segv=0:handle_sigbus=0:handle_sigfpe=0 UBSAN_OPTIONS=print_stacktrace=1
exec $debug_python "\$@"
END
chmod +x "$home/bin/python"
cat >"$home/bin/chariot" <<END
#!/bin/bash
export CHARIOT_PYTHON=$home/bin/python
exec $root/build/release/bin/chariot "\$@"
END
sed 's/release.bin.chariot/release\/bin\/charmrun/' "$home/bin/chariot" >"$home/bin/charmrun"
chmod +x "$home/bin/chariot" "$home/bin/charmrun"
CHARIOT_TEST_BIN=$home/bin exec .venv/bin/python -m pytest -q --timeout=600 "$@"
