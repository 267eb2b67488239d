//! nfdump beside: its collector gets the same flows as NetFlow v9 and writes a file of each hour, which are asked the
//! same questions. Without these programs there is no comparison.

use std::fs;
use std::net::{SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use meridian::model::exporter::Protocol;
use meridian::model::flow_record::FlowRecord;
use meridian::server::collector::batch::FlowBatch;
use meridian::server::wire::encode::Exporter;

use super::Outcome;

const HOUR_MS: i64 = 3_600_000;
/// No more than this waits in the collector's socket.
const MOST_WAITING: u64 = 1 << 20;
const PATIENCE: Duration = Duration::from_mins(1);

/// nfdump's files in the making.
pub struct Collector {
    folder: PathBuf,
    start_ms: i64,
    exporters: Vec<Exporter>,
    socket: UdpSocket,
    hour: Option<(i64, Running)>,
    pub dropped: u64,
}

struct Running {
    process: Child,
    address: SocketAddr,
    folder: PathBuf,
}

impl Collector {
    /// `None` where it is not installed.
    pub fn new(folder: PathBuf, start_ms: i64) -> Outcome<Option<Self>> {
        let is_there = |program| Command::new(program).arg("-V").stdout(Stdio::null()).status().is_ok();
        if !is_there("nfcapd") || !is_there("nfdump") {
            println!("nfcapd and nfdump are not installed: nothing is compared");
            return Ok(None);
        }
        let socket = UdpSocket::bind("127.0.0.1:0")?;
        Ok(Some(Self { folder, start_ms, exporters: Vec::new(), socket, hour: None, dropped: 0 }))
    }

    /// Sends the flows of a batch to the collector of their hour.
    pub fn send(&mut self, batch: &FlowBatch) -> Outcome<()> {
        for together in batch.flows.chunk_by(|one, next| one.record.received_ms == next.record.received_ms) {
            let Some(first) = together.first() else { continue };
            let now_ms = first.record.received_ms;
            let hour = now_ms.div_euclid(HOUR_MS);
            if self.hour.as_ref().is_none_or(|(current, _)| *current != hour) {
                self.finish()?;
                self.hour = Some((hour, Running::start(&self.folder.join("now"))?));
                // The new collector knows no templates.
                self.exporters = (0..4).map(|number| Exporter::new(Protocol::NetflowV9, number)).collect();
            }
            let Some((_, running)) = &self.hour else { continue };
            // As if the exporters had begun a day before.
            let uptime_ms = u32::try_from(now_ms - self.start_ms + 24 * HOUR_MS)?;
            for (number, exporter) in (0_u32..).zip(&mut self.exporters) {
                let records: Vec<FlowRecord> = together
                    .iter()
                    .map(|flow| flow.record)
                    .filter(|record| record.exporter.0 == number)
                    .collect();
                for datagram in exporter.datagrams(&records, now_ms, uptime_ms) {
                    self.socket.send_to(&datagram, running.address)?;
                }
            }
        }
        if let Some((_, running)) = &self.hour {
            running.wait_until(MOST_WAITING)?;
        }
        Ok(())
    }

    /// Ends the file of the hour.
    pub fn finish(&mut self) -> Outcome<()> {
        let Some((hour, mut running)) = self.hour.take() else { return Ok(()) };
        running.wait_until(0)?;
        self.dropped += running.socket().map_or(0, |(_, dropped)| dropped);
        Command::new("kill").arg(running.process.id().to_string()).status()?;
        running.process.wait()?;
        let day = self.folder.join(format!("day{}", (hour * HOUR_MS - self.start_ms) / (24 * HOUR_MS)));
        fs::create_dir_all(&day)?;
        for file in fs::read_dir(&running.folder)? {
            fs::rename(
                file?.path(),
                day.join(format!("nfcapd.{:012}", 202_601_010_000 + hour.rem_euclid(24) * 100)),
            )?;
        }
        Ok(())
    }
}

impl Running {
    fn start(folder: &Path) -> Outcome<Self> {
        fs::create_dir_all(folder)?;
        let address = UdpSocket::bind("127.0.0.1:0")?.local_addr()?;
        let process = Command::new("nfcapd")
            .args(["-b", "127.0.0.1", "-t", "86400", "-y", "-B", "16777216", "-p"])
            .arg(address.port().to_string())
            .arg("-w")
            .arg(folder)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let running = Self { process, address, folder: folder.to_owned() };
        let began = Instant::now();
        while running.socket().is_none() {
            if began.elapsed() > PATIENCE {
                return Err("nfcapd does not listen".into());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(running)
    }

    /// Bytes that wait in its socket, and datagrams that found no room there.
    fn socket(&self) -> Option<(u64, u64)> {
        let port = format!(":{:04X}", self.address.port());
        let sockets = fs::read_to_string("/proc/net/udp").ok()?;
        let mut sockets = sockets.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
        let socket = sockets.find(|socket| socket.get(1).is_some_and(|local| local.ends_with(&port)))?;
        let waiting = socket.get(4)?.split(':').nth(1)?;
        Some((u64::from_str_radix(waiting, 16).ok()?, socket.last()?.parse().ok()?))
    }

    fn wait_until(&self, most: u64) -> Outcome<()> {
        let began = Instant::now();
        while self.socket().is_some_and(|(waiting, _)| waiting > most) {
            if began.elapsed() > PATIENCE {
                return Err("nfcapd does not read".into());
            }
            std::thread::sleep(Duration::from_micros(200));
        }
        Ok(())
    }
}

/// nfdump's files.
pub struct Files {
    folder: PathBuf,
}

impl Files {
    /// `None` where there are none.
    pub fn of(folder: &Path) -> Option<Self> {
        folder.join("day0").is_dir().then(|| Self { folder: folder.to_owned() })
    }

    /// Bytes of all.
    pub fn bytes(&self) -> Outcome<u64> {
        let mut bytes = 0;
        for day in fs::read_dir(&self.folder)? {
            let day = day?.path();
            if day.is_dir() {
                for file in fs::read_dir(day)? {
                    bytes += file?.metadata()?.len();
                }
            }
        }
        Ok(bytes)
    }

    /// Flows of a day.
    pub fn flows(&self, day: u32) -> Outcome<u64> {
        let text = Self::run(&self.day(day), &["-I"])?;
        let flows =
            text.lines().find_map(|line| line.strip_prefix("Flows: ")).ok_or("nfdump counts no flows")?;
        Ok(flows.trim().parse()?)
    }

    pub fn day(&self, day: u32) -> Vec<String> {
        vec!["-R".to_owned(), self.folder.join(format!("day{day}")).display().to_string()]
    }

    pub fn hour(&self, day: u32, hour: u32) -> Vec<String> {
        let file =
            self.folder.join(format!("day{day}/nfcapd.{:012}", 202_601_010_000 + u64::from(hour) * 100));
        vec!["-r".to_owned(), file.display().to_string()]
    }

    /// What it answers.
    pub fn run(files: &[String], question: &[&str]) -> Outcome<String> {
        let output = Command::new("nfdump").args(files).args(question).output()?;
        if !output.status.success() {
            return Err(format!("nfdump {question:?}: {}", String::from_utf8_lossy(&output.stderr)).into());
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }
}
