#!/bin/sh
# Tries oz.conf: a real nginx on loopback, in front of two small servers that say what reached them. Everything lies in a
# temporary folder and is gone at the end. Needs nginx, openssl, curl and python3; no rights.
#
#   sh packaging/nginx/try.sh
set -eu

here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
nginx=
pids=
wrong=0
tried=0

finish() {
    status=$?
    for pid in $nginx $pids; do
        kill "$pid" 2>/dev/null || true
        wait "$pid" 2>/dev/null || true
    done
    rm -rf "$work"
    exit "$status"
}
trap finish EXIT
trap 'exit 1' INT TERM

port() {
    python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

check() { # what expected found
    tried=$((tried + 1))
    case $3 in
    $2) ;;
    *)
        wrong=$((wrong + 1))
        printf 'WRONG  %s\n       expected %s\n       found    %s\n' "$1" "$2" "$3"
        ;;
    esac
}

# Says who was asked and what came. Half-way through a long body it looks for open files in nginx's folder for bodies: nginx
# takes away their names at once, so the folder itself would tell nothing.
cat >"$work/backend.py" <<'PYTHON'
import glob, http.server, json, os, sys

name, port, bodies = sys.argv[1], int(sys.argv[2]), sys.argv[3]

def spooled():
    found = 0
    for fd in glob.glob("/proc/[0-9]*/fd/*"):
        try:
            found += os.readlink(fd).startswith(bodies)
        except OSError:
            pass
    return found

class Echo(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self):
        left = size = int(self.headers.get("Content-Length") or 0)
        files = 0
        while left > 0:
            data = self.rfile.read(min(left, 1 << 16))
            if not data:
                break
            left -= len(data)
            if size > 1 << 20 and left <= size // 2 < left + len(data):
                files = spooled()
        said = {
            "who": name, "method": self.command, "path": self.path, "size": size - left, "spooled": files,
            "host": self.headers.get_all("Host"), "for": self.headers.get_all("X-Forwarded-For"),
            "proto": self.headers.get_all("X-Forwarded-Proto"),
        }
        body = json.dumps(said).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Request-Id", "0190aaaa-0000-7000-8000-000000000001")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = answer

    def log_message(self, *_):
        pass

http.server.ThreadingHTTPServer(("127.0.0.1", port), Echo).serve_forever()
PYTHON

https=$(port)
api=$(port)
license=$(port)
mkdir "$work/logs"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=oz.example.com \
    -addext subjectAltName=DNS:oz.example.com -keyout "$work/key.pem" -out "$work/fullchain.pem" 2>/dev/null

# The example with other ports and folders, and nothing else changed. The second form lets this machine in as operator.
render() {
    sed -e "/listen \[::\]/d" \
        -e "s|listen 443|listen 127.0.0.1:$https|" \
        -e "s|127\.0\.0\.1:8000|127.0.0.1:$api|" \
        -e "s|127\.0\.0\.1:8090|127.0.0.1:$license|" \
        -e "s|/etc/nginx/oz/|$work/|" \
        -e "s|/var/log/nginx/|$work/logs/|" \
        -e "s|/var/lib/nginx/oz-body|$work/bodies|" "$here/oz.conf" >"$work/oz.conf"
    if [ "$1" = operators ]; then
        sed -i 's|# 10\.20\.30\.0/24 1;|127.0.0.1/32 1;|' "$work/oz.conf"
    fi
}
render public

# Root's nginx gives up its rights: then the folders must be its user's.
user=
if [ "$(id -u)" = 0 ]; then
    user="user www-data;"
    chmod 755 "$work"
fi
cat >"$work/nginx.conf" <<CONF
$user
daemon off;
worker_processes 2;
pid $work/nginx.pid;
error_log $work/logs/nginx.log warn;
events { worker_connections 256; }
http {
    access_log off;
    proxy_temp_path $work/proxy;
    fastcgi_temp_path $work/fastcgi;
    uwsgi_temp_path $work/uwsgi;
    scgi_temp_path $work/scgi;
    include $work/oz.conf;
}
CONF

nginx -p "$work" -e "$work/logs/nginx.log" -c "$work/nginx.conf" -t
for backend in "oz-api $api" "oz-license-server $license"; do
    # shellcheck disable=SC2086
    python3 "$work/backend.py" $backend "$work/bodies" &
    pids="$pids $!"
done
nginx -p "$work" -e "$work/logs/nginx.log" -c "$work/nginx.conf" &
nginx=$!

ask() { # path arguments-of-curl
    path=$1
    shift
    curl -sS --path-as-is --max-time 30 --cacert "$work/fullchain.pem" --resolve "oz.example.com:$https:127.0.0.1" \
        -w ' %{http_code}' "$@" "https://oz.example.com:$https$path"
}

for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15; do
    curl -s -o /dev/null "http://127.0.0.1:$api/" && curl -s -o /dev/null "http://127.0.0.1:$license/" &&
        curl -sk -o /dev/null "http://127.0.0.1:$https/" && break
    sleep 0.2
done

id=0190aaaa-bbbb-7ccc-8ddd-eeeeeeeeeeee
reaches() { # who method path
    check "$2 $3 reaches $1" "*\"who\": \"$1\", \"method\": \"$2\", \"path\": \"$3\"* 200" "$(ask "$3" -X "$2")"
}
nothing() { # method path
    check "$1 $2 is denied" '{"error_code":10,*} 404' "$(ask "$2" -X "$1")"
}

# What apps and pages need.
for call in \
    "POST /api/authorize/auth" "POST /api/authorize/auth/" "DELETE /api/authorize/auth" "POST /api/authorize/refresh" \
    "GET /api/authorize/session_token" "POST /api/folders" "POST /api/folders/" "POST /api/folders/?" \
    "GET /api/folders/$id" "GET /api/folders/$id?with_analyses=true" "POST /api/folders/$id/media" \
    "POST /api/folders/$id/media/" "GET /api/folders/$id/media" "POST /api/folders/$id/analyses/" \
    "GET /api/folders/$id/analyses?type=QUALITY" "GET /api/analyses/$id" "GET /api/analyses/$id/" "GET /api/media/$id" \
    "GET /api/static/$id/$id.mp4" "GET /api/static/$id/${id}_best_shot.jpg?expires=1&signature=00"; do
    reaches oz-api "${call%% *}" "${call#* }"
done
reaches oz-license-server POST /api/sdk/grants
check "HEAD of a file" ' 200' "$(ask "/api/static/$id/$id.mp4" -I -o /dev/null)"

# What nobody outside needs, and other ways to write it.
operators="GET /api/healthcheck
GET /api/version
GET /api/config
GET /api/openapi.json
GET /api/folders
GET /api/folders?meta_data=iin==1
PATCH /api/folders/$id
DELETE /api/folders/$id
PATCH /api/analyses/$id
DELETE /api/media/$id
POST /api/authorize/service_token/$id
POST /api/authorize/auth_restore
POST /api/authorize/restore/secret
GET /api/users
POST /api/users/
PATCH /api/users/$id
POST /api/users/$id/change-password
GET /api/users/sessions
DELETE /api/users/sessions/$id
GET /api/companies
POST /api/companies/$id/webhook/secret
POST /api/subjects/erase
GET /api/audit"
closed="GET /
GET /metrics
GET /livez
GET /readyz
GET /api
GET /api/
GET /api/metrics
GET /api/license
PUT /api/license
POST /api/leases
POST /api/usage
GET /api/sdk/license
GET /page.js
OPTIONS /api/folders
PUT /api/folders
DELETE /api/folders/$id/media
GET /api/authorize/auth
GET /api/folders/$id/pi
GET /api/folders/../users
GET /api/folders/%2e%2e/users
GET /api/folders/$id/../../users
GET /api/folders/$id/..%2f..%2fusers
GET /api/%75sers
GET /api//users
GET //api/users
GET /API/users
GET /api/users/%2e%2e/folders/$id
GET /api/static/$id/../$id.mp4
GET /api/static/$id/..%2f$id.mp4
GET /api/static/$id/
GET /api/users;/api/folders/$id
GET /api/folders/$id%00
GET /api/folders/$id%0a"
each() { # what lines
    while read -r call; do
        "$1" "${call%% *}" "${call#* }"
    done <<CALLS
$2
CALLS
}
each nothing "$operators"
each nothing "GET /api/users?/api/folders/$id
GET /api/users#/api/analyses/$id"
# A NUL is no request at all.
refused() {
    check "$1 $2 is denied" '*40[04]' "$(ask "$2" -X "$1")"
}
each refused "$closed"

# Bodies: big ones where media go, and never on nginx's disk.
head -c 3145728 /dev/zero >"$work/3m"
head -c 41943040 /dev/zero >"$work/40m"
head -c 538968064 /dev/zero >"$work/514m" 2>/dev/null
for version in --http1.1 --http2; do
    check "40 MiB of media, $version" '*"size": 41943040, "spooled": 0,* 200' "$(ask "/api/folders/$id/media/" $version --data-binary "@$work/40m")"
    check "40 MiB in a folder, $version" '*"size": 41943040, "spooled": 0,* 200' "$(ask /api/folders $version --data-binary "@$work/40m")"
    check "514 MiB, $version" '{"error_code":1511,*} 413' "$(ask /api/folders $version -X POST -T "$work/514m" -H Expect:)"
    check "3 MiB of JSON, $version" '{"error_code":1511,*} 413' "$(ask /api/authorize/auth $version -H Expect: --data-binary "@$work/3m")"
done
check "3 MiB to the license server" '{"error_code":1511,*} 413' "$(ask /api/sdk/grants -H Expect: --data-binary "@$work/3m")"
check "the folder for bodies" 700 "$(stat -c %a "$work/bodies")"
check "bodies left on the disk" 0 "$(find "$work/bodies" "$work/proxy" -type f | wc -l)"

# Who asks, by which name.
said=$(ask "/api/analyses/$id" -H 'X-Forwarded-For: 203.0.113.9' -H 'X-Forwarded-Proto: gopher')
check "a made-up address" '*"for": \["127.0.0.1"\], "proto": \["https"\]*' "$said"
check "the host" '*"host": \["oz.example.com"\]*' "$said"
other=$(curl -sSk --max-time 5 -H 'Host: evil.example' --resolve "oz.example.com:$https:127.0.0.1" "https://oz.example.com:$https/api/analyses/$id" 2>&1 || true)
case $other in *who*) found=answered ;; *) found=silence ;; esac
check "another Host inside the connection" silence "$found"

# TLS.
tls() { # arguments of curl
    curl -sk --max-time 5 -o /dev/null -w '%{http_code}' --resolve "oz.example.com:$https:127.0.0.1" "$@" "https://oz.example.com:$https/api/analyses/$id" || true
}
check "TLS 1.2" 200 "$(tls --tlsv1.2 --tls-max 1.2)"
check "TLS 1.3" 200 "$(tls --tlsv1.3)"
check "TLS 1.1" 000 "$(tls --tlsv1.0 --tls-max 1.1 --ciphers DEFAULT@SECLEVEL=0)"
check "CBC" 000 "$(tls --tls-max 1.2 --ciphers ECDHE-ECDSA-AES128-SHA)"
check "another name" 000 "$(curl -sk --max-time 5 -o /dev/null -w '%{http_code}' --resolve "other.example:$https:127.0.0.1" "https://other.example:$https/api/analyses/$id" || true)"
check "no name" 000 "$(curl -sk --max-time 5 -o /dev/null -w '%{http_code}' "https://127.0.0.1:$https/api/analyses/$id" || true)"
check "plain HTTP" '* 400' "$(curl -s -w ' %{http_code}' "http://127.0.0.1:$https/" -H 'Host: oz.example.com' || true)"
for path in "/api/analyses/$id" /api/users; do
    check "HSTS at $path" '*trict-*ransport-*ecurity: max-age=63072000*' "$(ask "$path" -I | tr -d '\r' | tr '\n' ' ')"
done

# Operators, once their address is named.
render operators
# Workers of before serve on until their last connection ends; new ones have the new file.
kill -HUP "$nginx"
for _ in 1 2 3 4 5 6 7 8 9 10; do
    case $(ask /api/healthcheck) in *200) break ;; esac
    sleep 0.3
done
allowed() {
    reaches oz-api "$1" "$2"
}
each allowed "$operators"
each refused "$closed"

# The API is away.
# shellcheck disable=SC2086
kill $pids
for pid in $pids; do wait "$pid" 2>/dev/null || true; done
pids=
check "the API is away" '{"error_code":1523,*} 503' "$(ask "/api/analyses/$id")"
check "HSTS then" '*ransport-*ecurity: max-age*' "$(ask "/api/analyses/$id" -I | tr '\n' ' ')"

# The log.
check "lines in the log" '[1-9]*' "$(wc -l <"$work/logs/oz.log")"
check "queries, signatures and tokens in the log" 0 "$(cat "$work/logs/"* | grep -cE 'iin==|signature=|with_analyses|secret$|restore/secret' || true)"
check "the API's request id in the log" '[1-9]*' "$(grep -c 0190aaaa-0000-7000-8000-000000000001 "$work/logs/oz.log")"

echo "$tried tried, $wrong wrong"
[ "$wrong" = 0 ]
