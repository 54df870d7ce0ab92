#!/bin/sh
# Profiles $MODEL on $TARGET (both from the environment, both may be empty) and says where the files are;
# $PROFILE_ARGS are further options.
# No model: MobileNet v1, built here. No target: an emulated ARM core where there is one, else the host.
set -eu

here=$(dirname "$0")
out=out
mkdir -p "$out"

target=${TARGET:-}
if [ -z "$target" ]; then
    target=emulated:pixel2
    trouble=$(sh "$here/emulation_trouble.sh")
    if [ -n "$trouble" ]; then
        target=host
        echo "No emulated ARM core here, profiling on the host:"
        echo "$trouble" | sed 's/^/    /'
    fi
fi

model=${MODEL:-}
if [ -z "$model" ]; then
    model=$out/mobilenet_v1_1.0_224_int8.tflite
    [ -e "$model" ] || "$VENV/bin/tflprof" build mobilenet_v1 --dtype int8 -o "$model"
fi

name=$(basename "$model" .tflite)-$(printf %s "$target" | tr -c 'A-Za-z0-9._-' -)
"$VENV/bin/tflprof" profile "$model" --target "$target" \
    -o "$out/$name.parquet" --html "$out/$name.html" --force ${PROFILE_ARGS:-}
echo "Profile: $PWD/$out/$name.parquet"
echo "Report:  $PWD/$out/$name.html"
