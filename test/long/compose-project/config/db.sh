set -e
install -d -o postgres -g postgres /run/postgresql
cd /tmp
if [ ! -d /var/lib/postgresql/data ]; then
  setpriv --reuid=postgres --regid=postgres --clear-groups /usr/lib/postgresql/15/bin/initdb -A trust -D /var/lib/postgresql/data
  echo 'host all all all trust' >> /var/lib/postgresql/data/pg_hba.conf
fi
exec setpriv --reuid=postgres --regid=postgres --clear-groups \
  /usr/lib/postgresql/15/bin/postgres -D /var/lib/postgresql/data -c listen_addresses='*' -c fsync=off
