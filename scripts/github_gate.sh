#!/usr/bin/env bash
# The step of action.yml that runs the gate. Its inputs come as GATE_* variables, so that nothing in them is code.
set -euo pipefail

tools=$RUNNER_TEMP/tflprof/bin
output=${GATE_OUTPUT:-tflprof-gate}
arguments=(--json --junit "$output/junit.xml" --html "$output/gate.html" --markdown "$output/gate.md")
arguments+=(-o "$output/profiles" --force)
[ -z "${GATE_CONFIG:-}" ] || arguments+=(--config "$GATE_CONFIG")
[ -z "${GATE_TARGET:-}" ] || arguments+=(--target "$GATE_TARGET")
[ -z "${GATE_BASELINE:-}" ] || arguments+=(--baseline "$GATE_BASELINE")
[ -z "${GATE_INCONCLUSIVE_AS:-}" ] || arguments+=(--inconclusive-as "$GATE_INCONCLUSIVE_AS")
[ "${GATE_REQUIRE_TRUST:-}" != true ] || arguments+=(--require-trust)
[ "${GATE_UPDATE_BASELINE:-}" != true ] || arguments+=(--update-baseline)
while IFS= read -r budget; do
    [ -z "${budget//[[:space:]]/}" ] || arguments+=(--budget "$budget")
done <<<"${GATE_BUDGET:-}"
[ -z "${GATE_MODEL:-}" ] || arguments+=(-- "$GATE_MODEL")

mkdir -p "$output"
code=0
"$tools/tflprof" gate "${arguments[@]}" >"$output/result.json" || code=$?
[ ! -f "$output/gate.md" ] || cat "$output/gate.md"

verdict=$("$tools/python" -c 'import json, sys; print(json.load(open(sys.argv[1]))["verdict"])' \
    "$output/result.json" 2>/dev/null) || verdict=error
# Exit status 2 and above 4 mean that nothing was judged; 3 that something could not be measured.
case $code in 0 | 1 | 4) ;; *) verdict=error ;; esac
{
    echo "verdict=$verdict"
    echo "exit-code=$code"
    echo "output=$output"
} >>"$GITHUB_OUTPUT"
exit "$code"
