# shellcheck shell=bash
# The program that builds images and runs containers.

readonly ENGINES="docker podman buildah"

installed_engine() {
  local name
  for name in $ENGINES; do
    if command -v "$name" >/dev/null; then
      echo "$name"
      return
    fi
  done
  fail "$UNAVAILABLE" "none of docker, podman and buildah is installed" "install one of them"
}

# check_engine NAME: ends the script where it is none of them.
check_engine() {
  case " $ENGINES " in
    *" $1 "*) ;;
    *) misused "unknown engine $1; choose docker, podman or buildah" ;;
  esac
}
