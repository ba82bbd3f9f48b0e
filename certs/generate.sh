#!/usr/bin/env bash
# Makes certificates for tests: certs/README.md says which. Nothing of it is for production, and
# nothing of it is committed: keys live as long as the build directory they are in.
set -euo pipefail

if [[ $# -ne 1 ]]; then
    echo "usage: certs/generate.sh DIRECTORY" >&2
    exit 2
fi
if ! command -v openssl >/dev/null; then
    echo "certs/generate.sh: needs openssl (Debian: apt-get install openssl)" >&2
    exit 1
fi

readonly directory=$1
readonly days=30
# Made anew before they run out, so that no test meets a certificate that ends while it runs.
readonly days_left_min=7

umask 077
mkdir -p "$directory"
cd "$directory"

# Whether the set is whole, by this version of the script, and good for a while.
readonly version=2
is_fresh() {
    [[ -f version && $(<version) == "$version" ]] &&
        openssl x509 -in server.crt -noout -checkend $((days_left_min * 86400)) >/dev/null 2>&1
}
# Tests may start at the same time; one of them makes the files.
exec 9>.lock
flock 9
if is_fresh; then
    exit 0
fi
rm -rf version work
mkdir work

quietly() {
    local output
    if ! output=$("$@" 2>&1); then
        printf '%s\n' "certs/generate.sh: failed: $*" "$output" >&2
        exit 1
    fi
}

new_key() { quietly openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1.key"; }

# make_ca NAME SUBJECT
make_ca() {
    new_key "$1"
    quietly openssl req -new -x509 -key "$1.key" -out "$1.crt" -days "$days" -subj "$2" \
        -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign
    # What `openssl ca` remembers of the certificates it issued, for the revocation list.
    mkdir -p "work/$1"
    : >"work/$1/index.txt"
    echo 1000 >"work/$1/serial"
    echo 1000 >"work/$1/crlnumber"
    cat >"work/$1/ca.cnf" <<CONFIG
[ca]
default_ca = this
[this]
database = work/$1/index.txt
serial = work/$1/serial
crlnumber = work/$1/crlnumber
new_certs_dir = work/$1
certificate = $1.crt
private_key = $1.key
default_md = sha256
default_days = $days
default_crl_days = $days
policy = any
unique_subject = no
copy_extensions = none
[any]
commonName = supplied
organizationName = optional
CONFIG
}

# issue CA NAME SUBJECT USAGE SAN [DATES...]; USAGE is serverAuth or clientAuth, SAN may be empty.
issue() {
    local ca=$1 name=$2 subject=$3 usage=$4 san=$5
    shift 5
    new_key "$name"
    quietly openssl req -new -key "$name.key" -out "work/$name.csr" -subj "$subject"
    {
        echo basicConstraints=CA:FALSE
        echo keyUsage=critical,digitalSignature
        echo "extendedKeyUsage=$usage"
        if [[ -n $san ]]; then
            echo "subjectAltName=$san"
        fi
    } >"work/$name.ext"
    quietly openssl ca -batch -notext -config "work/$ca/ca.cnf" -extfile "work/$name.ext" \
        -in "work/$name.csr" -out "$name.crt" "$@"
}

readonly local_names=DNS:localhost,IP:127.0.0.1,IP:::1
readonly long_ago=(-startdate 20200101000000Z -enddate 20200201000000Z)

make_ca ca "/O=Martlet tests/CN=Martlet test CA"
issue ca server "/O=Martlet tests/CN=localhost" serverAuth "$local_names"
issue ca server-expired "/O=Martlet tests/CN=localhost" serverAuth "$local_names" "${long_ago[@]}"
issue ca server-wrong-host "/O=Martlet tests/CN=elsewhere.example" serverAuth \
    DNS:elsewhere.example
issue ca client "/O=Martlet tests/CN=martlet-client" clientAuth ""
issue ca client-uri "/O=Martlet tests/CN=martlet-client" clientAuth URI:urn:martlet:7
issue ca client-expired "/O=Martlet tests/CN=martlet-client" clientAuth "" "${long_ago[@]}"
issue ca client-revoked "/O=Martlet tests/CN=martlet-revoked" clientAuth ""
quietly openssl ca -config work/ca/ca.cnf -gencrl -out ca-before.crl
quietly openssl ca -config work/ca/ca.cnf -revoke client-revoked.crt
quietly openssl ca -config work/ca/ca.cnf -gencrl -out ca.crl
quietly openssl ca -config work/ca/ca.cnf -gencrl -out ca-stale.crl \
    -crl_lastupdate 20200101000000Z -crl_nextupdate 20200201000000Z

make_ca foreign-ca "/O=Somebody else/CN=Foreign CA"
issue foreign-ca client-foreign "/O=Somebody else/CN=martlet-client" clientAuth ""
quietly openssl ca -config work/foreign-ca/ca.cnf -gencrl -out foreign-ca.crl

rm -rf work
chmod 600 ./*.key
chmod 644 ./*.crt ./*.crl
# Last: only now the set is whole.
echo "$version" >version
