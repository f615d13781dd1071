# Read by up.sh where SLURM_LB_DBD=1: MariaDB and slurmdbd, so that `sacct` remembers jobs.
SQL=$STATE/mysql

start_mariadb() {
  install_missing mariadbd:mariadb-server slurmdbd:slurmdbd
  if [ ! -d "$SQL/data/mysql" ]; then
    mkdir -p "$SQL/data"
    chown -R mysql:mysql "$SQL"
    mariadb-install-db --no-defaults --user=mysql --datadir="$SQL/data" --skip-test-db \
      --auth-root-authentication-method=socket >"$STATE/log/mariadb.log" 2>&1 || die "no database"
  fi
  if ! is_alive "$SQL/mariadbd.pid"; then
    mariadbd --no-defaults --user=mysql --datadir="$SQL/data" --socket="$SQL/sock" \
      --pid-file="$SQL/mariadbd.pid" --skip-networking --innodb-buffer-pool-size=64M \
      --innodb-lock-wait-timeout=900 </dev/null >>"$STATE/log/mariadb.log" 2>&1 &
    disown
  fi
  until_it 60 mariadbd sql 'select 1'
  sql "create database if not exists slurm_acct_db;
    create user if not exists 'root'@'localhost' identified via unix_socket;
    grant all on slurm_acct_db.* to 'root'@'localhost'"
}

sql() { mariadb --no-defaults -S "$SQL/sock" -e "$1"; }

start_slurmdbd() {
  (
    umask 077   # else slurmdbd refuses
    cat >"$STATE/etc/slurmdbd.conf" <<END
AuthType=auth/munge
AuthInfo=socket=$SOCKET
DbdHost=localhost
DbdAddr=127.0.0.1
DbdPort=$((PORT + 1))
SlurmUser=root
StorageType=accounting_storage/mysql
StorageHost=localhost
StorageUser=root
StorageLoc=slurm_acct_db
LogFile=$STATE/log/slurmdbd.log
PidFile=$STATE/run/slurmdbd.pid
END
  )
  # It finds its configuration beside $SLURM_CONF, and the database by this variable.
  is_alive "$STATE/run/slurmdbd.pid" || MYSQL_UNIX_PORT=$SQL/sock slurmdbd
  until_it 60 slurmdbd bash -c "exec 3<>/dev/tcp/127.0.0.1/$((PORT + 1))"
}

register() { # an account and a user, without which no job is recorded; sacctmgr fails on known ones
  sacctmgr -i add cluster loopback >/dev/null 2>&1 || true
  sacctmgr -i add account default >/dev/null 2>&1 || true
  sacctmgr -i add user root Account=default AdminLevel=Admin >/dev/null 2>&1 || true
}

start_mariadb
start_slurmdbd
