//! graphile-worker from npm, on a fresh PostgreSQL cluster with its durable defaults (`fsync` and `synchronous_commit` on).

use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use serde_json::Value;

use super::super::{
    notices::{CALLERS, Run, WARM, free_port, latencies, peers_folder, rate},
    process,
    sink::Sink,
};
use crate::shell::{TaskError, Trying as _, answers, failed, root};

/// How long PostgreSQL may take to start.
const START_MAX: Duration = Duration::from_secs(30);

/// graphile-worker, installed.
pub(crate) struct Graphile {
    scripts: PathBuf,
    postgres: PathBuf,
}

impl Graphile {
    /// Installs what is missing and can be installed; otherwise why it can't be measured.
    pub(crate) fn find() -> Result<Result<Self, String>, TaskError> {
        let Some(postgres) = postgres_programs() else {
            return Ok(Err("`initdb` and `postgres` aren't here (Debian: `apt-get install postgresql`)".to_owned()));
        };
        if !answers("node", &["--version"]) || !answers("npm", &["--version"]) {
            return Ok(Err("`node` and `npm` aren't here".to_owned()));
        }
        let scripts = peers_folder().join("graphile-worker");
        fs::create_dir_all(&scripts).trying("cannot make the peers' folder")?;
        for file in ["package.json", "package-lock.json", "worker.js", "load.js"] {
            fs::copy(root().join("xtask/bench/graphile-worker").join(file), scripts.join(file))
                .trying(format!("cannot copy `{file}`"))?;
        }
        let install = ["ci", "--no-audit", "--no-fund", "--ignore-scripts", "--silent"];
        let installed = Command::new("npm").args(install).current_dir(&scripts).stdin(Stdio::null()).status();
        if !installed.is_ok_and(|status| status.success()) {
            return Ok(Err("`npm ci` failed: it fetches what `package-lock.json` names".to_owned()));
        }
        Ok(Ok(Self { scripts, postgres }))
    }

    /// A burst on a fresh cluster.
    pub(crate) async fn burst(&self, sink: &Sink, count: u64) -> Result<Run, TaskError> {
        sink.take();
        let cluster = Cluster::start(&self.postgres)?;
        cluster.query("create table receipt(no bigint primary key, at timestamptz not null, status int)")?;
        let hook = format!("http://{}/hook", sink.address);
        let mut worker = Worker::start(&self.scripts, &cluster.url(), &hook)?;
        self.load(&cluster, 0, WARM).await?;
        let before = process::cpu_secs(worker.0.id()) + process::cpu_secs(cluster.child.id());
        let told = self.load(&cluster, WARM, count).await?;
        let after = process::cpu_secs(worker.0.id()) + process::cpu_secs(cluster.child.id());
        process::end(&mut worker.0);
        let pairs = |name: &str| -> Vec<(u64, i64)> {
            let rows = told.get(name).and_then(Value::as_array).cloned().unwrap_or_default();
            rows.iter().filter_map(|row| Some((row.get(0)?.as_u64()?, row.get(1)?.as_i64()?))).collect()
        };
        let (sent, recorded): (_, BTreeMap<u64, i64>) = (pairs("sent"), pairs("recorded").into_iter().collect());
        Ok(Run {
            rate: rate(&sent, &recorded),
            cpu: (after - before) / (count as f64 / 1e3),
            latencies: latencies(&sent, &recorded),
            disk: f64::NAN,
        })
    }

    /// Runs the load. The sink lives on this thread, so the wait must not block it.
    async fn load(&self, cluster: &Cluster, first: u64, count: u64) -> Result<Value, TaskError> {
        let output = tokio::process::Command::new("node")
            .arg("load.js")
            .args([cluster.url(), first.to_string(), count.to_string(), CALLERS.to_string()])
            .current_dir(&self.scripts)
            .stdin(Stdio::null())
            .stderr(Stdio::inherit())
            .output()
            .await
            .trying("cannot run `node`")?;
        serde_json::from_slice(&output.stdout).or_else(|error| failed(format!("graphile-worker's load: {error}")))
    }
}

struct Worker(Child);

impl Worker {
    fn start(scripts: &Path, url: &str, hook: &str) -> Result<Self, TaskError> {
        let mut child = Command::new("node")
            .args(["worker.js", url, hook])
            .current_dir(scripts)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .trying("cannot run `node`")?;
        let mut line = String::new();
        if let Some(out) = child.stdout.take() {
            let mut out = BufReader::new(out);
            while !line.starts_with("ready") {
                line.clear();
                if out.read_line(&mut line).trying("graphile-worker")? == 0 {
                    return failed("graphile-worker ended at its start");
                }
            }
            // It goes on writing; a closed pipe would end it.
            std::thread::spawn(move || std::io::copy(&mut out, &mut std::io::sink()));
        }
        Ok(Self(child))
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        process::end(&mut self.0);
    }
}

/// Where PostgreSQL's programs are.
fn postgres_programs() -> Option<PathBuf> {
    let told = Command::new("pg_config").arg("--bindir").output().ok();
    let told = told.map(|output| PathBuf::from(String::from_utf8_lossy(&output.stdout).trim()));
    let debian = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten().map(|of| of.path().join("bin"));
    let fits = |folder: &PathBuf| folder.join("initdb").exists() && folder.join("postgres").exists();
    told.into_iter().chain(debian).find(fits)
}

/// A cluster of its own, gone when dropped.
struct Cluster {
    child: Child,
    folder: PathBuf,
    port: u16,
    programs: PathBuf,
}

impl Cluster {
    fn start(programs: &Path) -> Result<Self, TaskError> {
        let folder = std::env::temp_dir().join(format!("candor-bench-pg-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).trying("cannot make the cluster's folder")?;
        let is_root = Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout == b"0\n");
        if is_root {
            // PostgreSQL refuses to run as root.
            let owned = Command::new("chown").arg("postgres").arg(&folder).status();
            if !owned.is_ok_and(|status| status.success()) {
                return failed("PostgreSQL doesn't run as root, and there is no user `postgres`");
            }
        }
        let data = folder.join("data");
        let run = |program: &str| {
            let program = programs.join(program);
            let mut command = if is_root {
                let mut command = Command::new("setpriv");
                command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups"]).arg(program);
                command
            } else {
                Command::new(program)
            };
            command.current_dir(&folder).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
            command
        };
        let made = run("initdb").arg("-D").arg(&data).args(["-A", "trust", "-U", "postgres"]).status();
        if !made.is_ok_and(|status| status.success()) {
            return failed("`initdb` failed");
        }
        let port = free_port()?.port();
        let child = run("postgres")
            .arg("-D")
            .arg(&data)
            .args(["-h", "127.0.0.1", "-p", &port.to_string(), "-k"])
            .arg(&folder)
            .args(["-c", "max_connections=200"])
            .spawn()
            .trying("cannot start `postgres`")?;
        let cluster = Self { child, folder, port, programs: programs.to_owned() };
        let until = Instant::now() + START_MAX;
        while cluster.query("select 1").is_err() {
            if Instant::now() > until {
                return failed("PostgreSQL doesn't answer");
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        Ok(cluster)
    }

    fn url(&self) -> String {
        format!("postgresql://postgres@127.0.0.1:{}/postgres", self.port)
    }

    fn query(&self, sql: &str) -> Result<(), TaskError> {
        let status = Command::new(self.programs.join("psql"))
            .args(["-q", "-d", &self.url(), "-c", sql])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .trying("cannot run `psql`")?;
        if status.success() { Ok(()) } else { failed(format!("`{sql}` failed")) }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // A fast shutdown: open connections are closed.
        let _ = Command::new("kill").args(["-INT", &self.child.id().to_string()]).status();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}
