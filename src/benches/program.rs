//! The real program as a benchmark runs it: a process of its own, asked over HTTP.

use std::ffi::OsStr;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::path::Path;
use std::process::{Child, Command};
use std::thread;
use std::time::{Duration, Instant};

pub type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// The running program.
pub struct Program {
    process: Child,
    pub http: SocketAddr,
    pub udp: SocketAddr,
}

impl Program {
    /// Starts it with an empty data folder and, if given, the text of a configuration file; waits until it is ready.
    pub fn start(folder: &Path, configuration: &str) -> Outcome<Self> {
        let file = folder.join("meridian.toml");
        std::fs::write(&file, configuration)?;
        let http = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let udp = UdpSocket::bind("127.0.0.1:0")?.local_addr()?;
        let process = Command::new(env!("CARGO_BIN_EXE_meridian"))
            .arg("run")
            .args(["--listen-udp", &udp.to_string(), "--http-address", &http.to_string()])
            .args(["--databases", "data/geolocation", "--log-level", "error"])
            .args([OsStr::new("--config"), file.as_os_str(), OsStr::new("--data-dir"), folder.as_os_str()])
            .spawn()?;
        let program = Self { process, http, udp };
        let began = Instant::now();
        while !program.fetch("/readyz").is_ok_and(|answer| answer.contains("ready")) {
            if began.elapsed() > Duration::from_mins(1) {
                return Err("the program is not ready after a minute".into());
            }
            thread::sleep(Duration::from_millis(50));
        }
        Ok(program)
    }

    fn fetch(&self, path: &str) -> Outcome<String> {
        let mut connection = TcpStream::connect(self.http)?;
        write!(connection, "GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", self.http)?;
        let mut answer = String::new();
        connection.read_to_string(&mut answer)?;
        Ok(answer)
    }

    pub fn metrics(&self) -> Outcome<Metrics> {
        Ok(Metrics(self.fetch("/metrics")?))
    }

    /// CPU time so far, user and system (the kernel counts a hundred ticks a second).
    pub fn cpu_ms(&self) -> Outcome<u64> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.process.id()))?;
        let (_, after_name) = stat.rsplit_once(')').ok_or("no process name")?;
        let ticks = |field: usize| -> Outcome<u64> {
            Ok(after_name.split_whitespace().nth(field).ok_or("too few fields")?.parse()?)
        };
        Ok((ticks(11)? + ticks(12)?) * 10)
    }

    pub fn id(&self) -> u32 {
        self.process.id()
    }

    pub fn stop(mut self) -> Outcome<()> {
        Command::new("kill").arg(self.process.id().to_string()).status()?;
        self.process.wait()?;
        Ok(())
    }
}

/// The text of `/metrics`.
pub struct Metrics(String);

impl Metrics {
    pub fn counter(&self, name: &str) -> u64 {
        let value = |line: &str| line.strip_prefix(name)?.trim().parse().ok();
        self.0.lines().find_map(value).unwrap_or(0)
    }

    /// Median and 99th percentile in microseconds: upper bounds of their buckets.
    pub fn latency(&self) -> (u64, u64) {
        let buckets: Vec<(f64, u64)> = self
            .0
            .lines()
            .filter_map(|line| {
                let (bound, count) =
                    line.strip_prefix("meridian_live_latency_seconds_bucket{le=\"")?.split_once("\"} ")?;
                Some((bound.parse().unwrap_or(f64::INFINITY), count.parse().ok()?))
            })
            .collect();
        let total = buckets.last().map_or(0, |bucket| bucket.1);
        let quantile = |percent: u64| {
            let bound = buckets
                .iter()
                .find(|bucket| bucket.1 * 100 >= total * percent)
                .map_or(0.0, |bucket| bucket.0);
            format!("{:.0}", bound * 1e6).parse().unwrap_or(u64::MAX)
        };
        (quantile(50), quantile(99))
    }
}
