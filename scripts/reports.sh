#!/bin/sh
# Renders reports/ anew: the networks of the README on an emulated core and a small one on the virtual phone,
# each as the profile and the page made from it. Emulated counts and the times predicted from them repeat exactly,
# so a difference in version control is a real change; the virtual phone's times mean nothing.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p reports
reports=$PWD/reports
tflprof=$(cd "$VENV" && pwd)/bin/tflprof
project=$PWD
# Profiles hold the path of their model as it was given.
cd "$work"

render() { # NAME TARGET NETWORK [BUILD OPTION...]
    name=$1 target=$2
    shift 2
    "$tflprof" build "$@" -o "$name.tflite"
    "$tflprof" profile "$name.tflite" --target "$target" --force \
        -o "$reports/$name.parquet" --html "$reports/$name.html"
}

render mobilenet_v1_float32 emulated:pixel2 mobilenet_v1
render mobilenet_v1_int8 emulated:pixel2 mobilenet_v1 --dtype int8
render mobilenet_v2_float32 emulated:pixel2 mobilenet_v2

"$tflprof" compare "$reports/mobilenet_v1_float32.parquet" "$reports/mobilenet_v1_int8.parquet" --force \
    --html "$reports/compare_float32_int8.html"

cd "$project"
"$VENV/bin/python" -m scripts.page_image reports/mobilenet_v1_int8.html docs/images/report.png --height 1010
"$VENV/bin/python" -m scripts.page_image reports/compare_float32_int8.html docs/images/compare.png --height 1370
"$VENV/bin/python" -m scripts.phone_profile
for kind in parquet html; do
    mv "out/mobilenet_v1_0.25_96_float32-adb.$kind" "$reports/phone_profile.$kind"
done
