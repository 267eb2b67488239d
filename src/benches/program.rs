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
    pub process: Child,
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

    pub fn stop(mut self) -> Outcome<()> {
        Command::new("kill").arg(self.process.id().to_string()).status()?;
        self.process.wait()?;
        Ok(())
    }
}

/// The text of `/metrics`.
pub struct Metrics(pub String);

impl Metrics {
    pub fn counter(&self, name: &str) -> u64 {
        let value = |line: &str| line.strip_prefix(name)?.trim().parse().ok();
        self.0.lines().find_map(value).unwrap_or(0)
    }
}
