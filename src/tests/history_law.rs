//! The law of the history: what was handed over is stored, waiting, or counted as lost, to the record, whatever happens
//! to the process, the disk, the files or the clock; and the sums are those of the flow records.
//!
//! The process that is killed is this very test program, which starts itself anew.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant, UNIX_EPOCH};

use meridian::model::filter::Filter;
use meridian::model::flow_record::{FlowRecord, LocatedFlow};
use meridian::model::history::{FlowsQuestion, HeatmapQuestion, Sides, StoredFlow, Tier};
use meridian::model::time_range::TimeRange;
use meridian::model::traffic::Traffic;
use meridian::server::backup;
use meridian::server::collector::batch::FlowBatch;
use meridian::server::config::Config;
use meridian::server::config::flags::RunFlags;
use meridian::server::geolocation::{Current, Geolocation, Settings};
use meridian::server::history::account::Account;
use meridian::server::history::answers::History;
use meridian::server::history::control::Control;
use meridian::server::history::handed::Handed;
use meridian::server::history::naming::Naming;
use meridian::server::history::opening::Opening;
use meridian::server::history::recorder::Recorder;
use meridian::server::history::recording::Recording;
use meridian::server::history::request::Request;
use meridian::server::transport::{self, Batches, InProcess};
use tokio::runtime::Runtime;

const PATIENCE: Duration = Duration::from_secs(30);
/// Says to this program that it is the one to be killed, and where its data folder is.
const CHILD: &str = "MERIDIAN_HISTORY_LAW_CHILD";
/// Number of the round, for the child.
const ROUND: &str = "MERIDIAN_HISTORY_LAW_ROUND";
const ROUNDS: u64 = 100;
const WORKERS: u64 = 2;
/// More flow records than one worker hands over in one round.
const SPAN: u64 = 1 << 32;
const EVER: TimeRange = TimeRange { from_ms: i64::MIN / 4, to_ms: i64::MAX / 4 };

fn config(folder: &Path, file: &str) -> Config {
    let path = folder.join("meridian.toml");
    std::fs::create_dir_all(folder).unwrap();
    std::fs::write(&path, file).unwrap();
    let flags = RunFlags { config: Some(path), data_dir: Some(folder.join("data")), ..RunFlags::default() };
    Config::load(&flags).unwrap()
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
}

fn naming() -> Naming {
    let geolocation = Arc::new(Geolocation::without_databases(&Settings::default()));
    Naming::new(geolocation, Arc::default(), None)
}

fn now_ms() -> i64 {
    i64::try_from(UNIX_EPOCH.elapsed().unwrap().as_millis()).unwrap()
}

/// Flows that can be told apart by their bytes, which are numbered.
fn flows(geolocation: &Geolocation, first: u64, count: u64, received_ms: i64) -> Vec<LocatedFlow> {
    let flow = |number: u64| {
        let low = u8::try_from(number % 251).unwrap();
        geolocation.locate(&FlowRecord {
            source_address: IpAddr::from([198, 51, 100, low]),
            destination_address: IpAddr::from([10, 0, 0, 1]),
            destination_port: 443,
            protocol: 6,
            bytes: number,
            packets: 1,
            sampling_interval: 1,
            received_ms,
            start_ms: received_ms - 1_000,
            end_ms: received_ms,
            ..FlowRecord::default()
        })
    };
    (first..first + count).map(flow).collect()
}

fn batch(geolocation: &Arc<Geolocation>, flows: Vec<LocatedFlow>) -> FlowBatch {
    FlowBatch {
        oldest_received_us: 0,
        newest_received_us: 0,
        geolocation: Arc::clone(geolocation),
        exporters: Arc::from([IpAddr::from([192, 0, 2, 1])]),
        flows: flows.into(),
    }
}

/// A history being written, with one worker's end of it.
struct Running {
    end: InProcess,
    live: Batches,
    recording: Recording,
    geolocation: Arc<Geolocation>,
    next: u64,
    taken_by_live: u64,
}

impl Running {
    fn start(config: &Config, runtime: &Runtime) -> Self {
        let recorder = Recorder::open(config, runtime.handle().clone()).unwrap();
        let handed = recorder.handed().clone();
        let (queue, received) = transport::queue();
        let (end, live) = InProcess::channel();
        let end = end.with_history(queue, &handed).for_worker(0);
        let recording = Recording::start(recorder, received, runtime.handle().clone()).unwrap();
        let geolocation = Arc::new(Geolocation::without_databases(&Settings::default()));
        Self { end, live, recording, geolocation, next: 1, taken_by_live: 0 }
    }

    fn hand_over(&mut self, count: u64, received_ms: i64) {
        let flows = flows(&self.geolocation, self.next, count, received_ms);
        self.next += count;
        self.end.offer(batch(&self.geolocation, flows));
        while let Some(batch) = self.live.try_recv() {
            self.taken_by_live += batch.flows.len() as u64;
        }
    }

    fn account(&self) -> Account {
        self.recording.account(self.end.history().1).unwrap()
    }

    /// Waits until nothing is on its way any more; the account then.
    fn settled(&self) -> Account {
        until("everything is on disk", || {
            let account = self.account();
            account.waiting == 0 && account.unwritten == 0
        });
        let account = self.account();
        assert_eq!(account.imbalance(), 0, "{account:?}");
        assert_eq!(self.end.history(), (account.handed, account.dropped));
        assert_eq!(account.handed + account.dropped, self.next - 1);
        account
    }

    fn stop(self) -> Account {
        let Self { end, recording, .. } = self;
        let (handed, dropped) = end.history();
        drop(end);
        recording.join();
        let account = recording.account(dropped).unwrap();
        assert_eq!((account.imbalance(), account.waiting, account.unwritten), (0, 0, 0), "{account:?}");
        assert_eq!(account.handed, handed);
        account
    }
}

fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < PATIENCE, "waited in vain until {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Every flow record of the archive, each once whatever happened; and the sums of the store, which have to be theirs.
fn read_all(config: &Config, runtime: &Runtime) -> Vec<StoredFlow> {
    let mut recorder = Recorder::open(config, runtime.handle().clone()).unwrap();
    until("the sums have caught up", || {
        recorder.keep_up();
        !recorder.is_catching_up()
    });
    let mut flows = Vec::new();
    for replayed in recorder.archive().rows_from(0) {
        flows.extend(replayed.unwrap().flows);
    }
    let request = Request {
        range: EVER,
        filter: Filter::ALL,
        dimensions: Vec::new(),
        step_ms: None,
        addresses: false,
        most: None,
    };
    let pieces = [(Tier::Minute, EVER)];
    let control = Control::default();
    let sums = runtime.block_on(recorder.store().group(&request, &pieces, &control)).unwrap().unwrap();
    let sums = sums.totals.iter().fold(Traffic::NONE, |sum, group| sum + group.traffic);
    let of_flows = flows.iter().fold(Traffic::NONE, |sum, flow| {
        let record = FlowRecord {
            bytes: flow.bytes,
            packets: flow.packets,
            sampling_interval: flow.sampling_interval,
            sampling_source: flow.sampling_source,
            ..FlowRecord::default()
        };
        sum + Traffic::of(&record)
    });
    assert_eq!(sums, of_flows, "the sums are not those of the flow records");
    recorder.finish();
    flows
}

/// The numbers of the flow records, sorted.
fn numbers(flows: &[StoredFlow]) -> Vec<u64> {
    let mut numbers: Vec<_> = flows.iter().map(|flow| flow.bytes).collect();
    numbers.sort_unstable();
    numbers
}

/// What the process does that is killed: two workers hand flow records over as fast as the recorder takes them.
#[test]
fn the_process_that_is_killed() {
    let Ok(folder) = std::env::var(CHILD) else { return };
    let round: u64 = std::env::var(ROUND).unwrap().parse().unwrap();
    let (config, runtime) = (config(Path::new(&folder), ""), runtime());
    let recorder = Recorder::open(&config, runtime.handle().clone()).unwrap();
    let handed = recorder.handed().clone();
    println!("base {} {}", recorder.rows(), recorder.shared().account().lost_at_crash);
    let (queue, received) = transport::queue();
    let (end, live) = InProcess::channel();
    drop(live);
    let end = end.with_history(queue, &handed);
    let recording = Recording::start(recorder, received, runtime.handle().clone()).unwrap();
    let geolocation = Arc::new(Geolocation::without_databases(&Settings::default()));
    std::thread::scope(|scope| {
        for worker in 0..WORKERS {
            let (mut end, geolocation) = (end.for_worker(usize::try_from(worker).unwrap()), &geolocation);
            scope.spawn(move || {
                let mut random = fastrand::Rng::with_seed(round * WORKERS + worker);
                let mut next = (round * WORKERS + worker) * SPAN;
                loop {
                    let count = random.u64(1..300);
                    end.offer(batch(geolocation, flows(geolocation, next, count, now_ms())));
                    assert_eq!(end.history().1, 0, "the queue is long enough");
                    next += count;
                    std::thread::sleep(Duration::from_micros(random.u64(0..4_000)));
                }
            });
        }
        loop {
            let account = recording.account(0).unwrap();
            println!("account {} {}", account.handed, account.stored);
            std::io::stdout().flush().unwrap();
            std::thread::sleep(Duration::from_millis(3));
        }
    });
}

/// The child, and what it says.
struct Killable {
    child: Child,
    said: Receiver<Vec<u64>>,
}

impl Killable {
    fn start(folder: &Path, round: u64) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "the_process_that_is_killed", "--nocapture", "--test-threads=1"])
            .env(CHILD, folder)
            .env(ROUND, round.to_string())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (saying, said) = mpsc::channel();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                // The first line stands behind what the test harness writes.
                let words =
                    line.rsplit_once("base ").or(line.rsplit_once("account ")).map(|(_, words)| words);
                let numbers =
                    words.map(|words| words.split(' ').filter_map(|word| word.parse().ok()).collect());
                if let Some(numbers) = numbers
                    && saying.send(numbers).is_err()
                {
                    return;
                }
            }
        });
        Self { child, said }
    }

    fn next(&self) -> (u64, u64) {
        let numbers = self.said.recv_timeout(PATIENCE).unwrap();
        (numbers[0], numbers[1])
    }

    /// Kills it; the last that it said.
    fn kill(mut self) -> (u64, u64) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        let mut last = (0, 0);
        // A line that was cut off by the kill has one number, or a shorter second one.
        while let Ok(numbers) = self.said.recv_timeout(PATIENCE) {
            if let [handed, stored] = numbers[..] {
                last = (handed.max(last.0), stored.max(last.1));
            }
        }
        last
    }
}

#[test]
fn after_a_hundred_kills_all_that_was_acknowledged_is_there_once_and_the_rest_is_counted() {
    let folder = tempfile::tempdir().unwrap();
    let mut random = fastrand::Rng::with_seed(7);
    let (mut base, mut handed, mut stored, mut lost) = (0, 0, 0, 0);
    for round in 0..ROUNDS {
        let killable = Killable::start(folder.path(), round);
        let (new_base, lost_at_crash) = killable.next();
        assert!(
            new_base >= base + stored,
            "round {round}: acknowledged {stored} after {base}, found {new_base}"
        );
        assert!(new_base + lost_at_crash >= base + handed, "round {round}: {handed} were handed over");
        lost += lost_at_crash;
        base = new_base;
        // Before the first flush, and around it.
        let wait =
            Duration::from_millis(if round % 5 == 0 { random.u64(900..1_400) } else { random.u64(0..100) });
        let began = Instant::now();
        while began.elapsed() < wait {
            killable.next();
        }
        (handed, stored) = killable.kill();
    }
    let runtime = runtime();
    let config = config(folder.path(), "");
    let recorder = Recorder::open(&config, runtime.handle().clone()).unwrap();
    let rows = recorder.rows();
    lost += recorder.shared().account().lost_at_crash;
    recorder.finish();
    let flows = read_all(&config, &runtime);
    let numbers = numbers(&flows);
    assert_eq!(numbers.len() as u64, rows);
    assert!(rows > 10_000, "{rows} rows are no load");
    // Of each worker in each round the first ones are there, without a gap and none twice: what is missing is missing at
    // the end.
    for of_worker in numbers.chunk_by(|left, right| left / SPAN == right / SPAN) {
        let first = of_worker[0] / SPAN * SPAN;
        assert_eq!(of_worker[0], first);
        assert_eq!(*of_worker.last().unwrap(), first + of_worker.len() as u64 - 1);
        assert!(of_worker.is_sorted_by(|left, right| left < right));
    }
    println!("{ROUNDS} kills: {rows} flow records stored, {lost} counted as lost");
}

#[test]
fn a_stop_stores_all_that_was_handed_over() {
    let folder = tempfile::tempdir().unwrap();
    let (config, runtime) = (config(folder.path(), ""), runtime());
    let mut running = Running::start(&config, &runtime);
    for _ in 0..50 {
        running.hand_over(1_000, now_ms());
    }
    let account = running.stop();
    assert_eq!((account.stored, account.lost()), (50_000, 0));
    assert_eq!(numbers(&read_all(&config, &runtime)), (1..=50_000).collect::<Vec<_>>());
    let recorder = Recorder::open(&config, runtime.handle().clone()).unwrap();
    assert_eq!((recorder.rows(), recorder.shared().account().lost_at_crash), (50_000, 0));
}

#[test]
fn a_backup_of_a_running_history_has_all_that_was_stored_when_it_began() {
    let folder = tempfile::tempdir().unwrap();
    let (config, runtime) = (config(folder.path(), ""), runtime());
    let mut running = Running::start(&config, &runtime);
    running.hand_over(5_000, now_ms());
    running.settled();
    for number in 0..2 {
        let stored = running.account().stored;
        let target = folder.path().join(format!("copy-{number}"));
        std::thread::scope(|scope| {
            let copying = scope.spawn(|| runtime.block_on(backup::backup(&config, &target)).unwrap());
            while !copying.is_finished() {
                running.hand_over(100, now_ms());
                std::thread::sleep(Duration::from_millis(2));
            }
            assert!(copying.join().unwrap().files > 0);
        });
        let again = runtime.block_on(backup::backup(&config, &target)).unwrap_err().to_string();
        assert!(again.contains("is not empty"), "{again}");
        let copy = Config { data_dir: target, ..config.clone() };
        let numbers = numbers(&read_all(&copy, &runtime));
        assert!(numbers.len() as u64 >= stored, "{} of {stored}", numbers.len());
        assert_eq!(numbers, (1..=numbers.len() as u64).collect::<Vec<_>>());
    }
    running.stop();
}

#[test]
fn a_clock_that_jumps_makes_no_flow_record_disappear() {
    const HOUR_MS: i64 = 3_600_000;
    let folder = tempfile::tempdir().unwrap();
    let (config, runtime) = (config(folder.path(), ""), runtime());
    let now_ms = now_ms();
    let mut running = Running::start(&config, &runtime);
    for shift_ms in [0, -HOUR_MS, 10 * 365 * 24 * HOUR_MS, 0, 1] {
        running.hand_over(2_000, now_ms + shift_ms);
        running.settled();
    }
    let account = running.stop();
    assert_eq!((account.stored, account.lost()), (10_000, 0));
    // Once more, with files of all these hours.
    let mut running = Running::start(&config, &runtime);
    running.next = 10_001;
    running.hand_over(500, now_ms);
    running.stop();
    let flows = read_all(&config, &runtime);
    assert_eq!(numbers(&flows), (1..=10_500).collect::<Vec<_>>());
    let ahead = flows.iter().filter(|flow| flow.received_ms > now_ms + HOUR_MS).count();
    let behind = flows.iter().filter(|flow| flow.received_ms < now_ms).count();
    assert_eq!((behind, ahead), (2_000, 2_000));
}

/// A small disk, as long as it lives.
struct SmallDisk(PathBuf);

impl SmallDisk {
    /// `None` for who may not mount.
    fn mount(folder: &Path, megabytes: u64) -> Option<Self> {
        std::fs::create_dir_all(folder).unwrap();
        let options = format!("size={megabytes}m");
        let mounted =
            Command::new("mount").args(["-t", "tmpfs", "-o", &options, "none"]).arg(folder).status();
        mounted.is_ok_and(|status| status.success()).then(|| Self(folder.to_owned()))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        Command::new("umount").arg("-l").arg(&self.0).status().unwrap();
    }
}

#[test]
fn a_full_disk_stops_the_storing_and_nothing_else_and_heals() {
    let folder = tempfile::tempdir().unwrap();
    let Some(disk) = SmallDisk::mount(&folder.path().join("disk"), 64) else {
        println!("skipped: only root can mount a small disk");
        return;
    };
    let runtime = runtime();
    // With room that is left free, and down to the last byte.
    for (number, min_free) in ["8M", "0"].into_iter().enumerate() {
        let home = disk.0.join(number.to_string());
        let config = config(&home, &format!("[history]\nmin_free_bytes = \"{min_free}\"\n"));
        let mut running = Running::start(&config, &runtime);
        running.hand_over(1_000, now_ms());
        assert_eq!(running.settled().stored, 1_000);
        assert!(running.recording.is_storing());

        let filler = disk.0.join("filler");
        let mut file = std::fs::File::create(&filler).unwrap();
        let zeros = vec![0; 65_536];
        while file.write_all(&zeros).is_ok() {}
        drop(file);
        until("nothing is stored any more", || {
            running.hand_over(100, now_ms());
            !running.recording.is_storing()
        });
        running.hand_over(100, now_ms());
        let account = running.account();
        until("the loss is counted", || running.account().lost() > account.lost());
        let notices = running.recording.notices(0);
        assert!(notices.iter().any(|notice| notice.contains("stored")), "{notices:?}");

        std::fs::remove_file(&filler).unwrap();
        until("it is stored again", || {
            running.hand_over(100, now_ms());
            running.recording.is_storing()
        });
        let before = running.settled().stored;
        running.hand_over(1_000, now_ms());
        let account = running.settled();
        assert_eq!(account.stored, before + 1_000, "{account:?}");
        assert!(account.lost() > 0);
        assert_eq!(running.taken_by_live, running.next - 1, "the live feed got everything");
        let handed_over = running.next - 1;
        let account = running.stop();
        assert_eq!(account.stored + account.lost(), handed_over);
        let flows = numbers(&read_all(&config, &runtime));
        assert_eq!(flows.len() as u64, account.stored);
        assert!(flows.is_sorted_by(|left, right| left < right), "none twice");
        let recorder = Recorder::open(&config, runtime.handle().clone()).unwrap();
        assert_eq!(
            recorder.shared().account().lost_at_crash,
            0,
            "what the disk cost is not counted once more"
        );
    }
}

#[test]
fn a_damaged_tail_costs_what_is_damaged_and_that_is_counted() {
    let folder = tempfile::tempdir().unwrap();
    let (config, runtime) = (config(folder.path(), ""), runtime());
    let mut running = Running::start(&config, &runtime);
    for _ in 0..10 {
        running.hand_over(1_000, now_ms());
        running.settled();
    }
    running.stop();
    let tail = config.archive_folder().join("tail");
    let mut logs: Vec<_> = std::fs::read_dir(&tail).unwrap().map(|entry| entry.unwrap().path()).collect();
    logs.retain(|path| path.extension().is_some_and(|extension| extension == "log"));
    assert_eq!(logs.len(), 1, "{logs:?}");
    let mut bytes = std::fs::read(&logs[0]).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x55;
    std::fs::write(&logs[0], bytes).unwrap();

    let recorder = Recorder::open(&config, runtime.handle().clone()).unwrap();
    let lost = recorder.shared().account().lost_at_crash;
    let left: u64 = recorder.archive().rows_from(0).map(|rows| rows.unwrap().flows.len() as u64).sum();
    assert!((1_000..10_000).contains(&left), "{left}");
    assert_eq!(left + lost, 10_000);
    // The sums had them all: what comes next gets positions that they do not know yet.
    assert_eq!(recorder.rows(), 10_000);
    recorder.finish();
    // What comes after it is stored.
    let mut running = Running::start(&config, &runtime);
    running.hand_over(500, now_ms());
    assert_eq!(running.stop().stored, 500);
}

#[test]
fn a_damaged_sealed_file_costs_its_flow_records_and_every_answer_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let (config, runtime) = (config(folder.path(), ""), runtime());
    let mut running = Running::start(&config, &runtime);
    running.hand_over(3_000, now_ms());
    running.stop();
    // A start seals the logs that it finds.
    let mut running = Running::start(&config, &runtime);
    until("a file is sealed", || !parquet_files(&config.archive_folder()).is_empty());
    running.hand_over(1_000, now_ms());
    running.stop();
    let sealed = parquet_files(&config.archive_folder());
    let rows = |path: &Path| {
        let name = path.file_name().unwrap().to_str().unwrap();
        name.split('-').nth(1).unwrap().parse::<usize>().unwrap()
    };
    let lost = rows(&sealed[0]);
    let mut bytes = std::fs::read(&sealed[0]).unwrap();
    let middle = bytes.len() / 2;
    bytes.get_mut(100..middle).unwrap().fill(0xAA);
    std::fs::write(&sealed[0], bytes).unwrap();

    let opening = Opening::new(&config, Handed::default(), runtime.handle().clone());
    let recorder = opening.open().unwrap();
    let geolocation = Arc::new(Current::new(Geolocation::without_databases(&Settings::default())));
    let history = History::new(Arc::clone(opening.kept()), geolocation);
    let range = TimeRange { from_ms: now_ms() - 3_600_000, to_ms: now_ms() + 1_000 };
    let question = FlowsQuestion { range, filter: String::new(), rows: 10_000, after: String::new() };
    let page = runtime.block_on(history.flows(&question, 0, &naming())).unwrap();
    assert_eq!(page.flows.len(), 4_000 - lost);
    assert!(!page.source.is_complete && page.source.note.contains("cannot be read"), "{:?}", page.source);
    until("people are told of it", || {
        recorder.archive().status().notices.iter().any(|notice| notice.contains("damaged"))
    });
    recorder.finish();
    drop((history, opening));
    // The next start does not trip over it, and goes on.
    let mut running = Running::start(&config, &runtime);
    running.hand_over(500, now_ms());
    assert_eq!(running.stop().stored, 500);
    // The sums had them before, and keep them.
    let recorder = Recorder::open(&config, runtime.handle().clone()).unwrap();
    assert_eq!(recorder.rows(), 4_500);
}

#[test]
fn a_data_folder_that_cannot_be_used_at_the_start_heals_and_what_came_before_is_counted_as_lost() {
    let folder = tempfile::tempdir().unwrap();
    let (config, runtime) = (config(folder.path(), ""), runtime());
    std::fs::write(&config.data_dir, "in the way").unwrap();
    let began_ms = now_ms();
    let handed = Handed::default();
    let opening = Opening::new(&config, handed.clone(), runtime.handle().clone());
    assert!(opening.open().is_none());
    let geolocation = Arc::new(Current::new(Geolocation::without_databases(&Settings::default())));
    let history = History::new(Arc::clone(opening.kept()), geolocation);
    let range = TimeRange { from_ms: began_ms - 60_000, to_ms: began_ms + 3_600_000 };
    let question = FlowsQuestion { range, filter: String::new(), rows: 10_000, after: String::new() };
    let unavailable = runtime.block_on(history.flows(&question, 0, &naming())).unwrap_err().to_string();
    assert!(unavailable.contains("Nothing is kept of the past yet"), "{unavailable}");

    let (queue, received) = transport::queue();
    let (end, live) = InProcess::channel();
    let end = end.with_history(queue, &handed).for_worker(0);
    let recording = Recording::start_later(opening, received, runtime.handle().clone()).unwrap();
    let geolocation = Arc::new(Geolocation::without_databases(&Settings::default()));
    let mut running = Running { end, live, recording, geolocation, next: 1, taken_by_live: 0 };
    running.hand_over(1_000, now_ms());
    let account = running.settled();
    assert_eq!((account.stored, account.lost_disk_error), (0, 1_000));
    assert!(!running.recording.is_storing());
    let notices = running.recording.notices(0);
    assert!(notices.iter().any(|notice| notice.contains("It is tried again every 5 seconds")), "{notices:?}");

    std::fs::remove_file(&config.data_dir).unwrap();
    until("the history is open", || running.recording.is_storing());
    running.hand_over(700, now_ms());
    until("they are on disk", || running.account().stored == 700);
    running.settled();
    let page = runtime.block_on(history.flows(&question, 0, &naming())).unwrap();
    assert_eq!(page.flows.len(), 700);
    let gap = page.source.gaps.first().unwrap();
    assert!(gap.from_ms == range.from_ms && gap.to_ms > began_ms, "{:?}", page.source);
    assert!(page.source.note.contains("because the disk failed"), "{}", page.source.note);
    let account = running.stop();
    assert_eq!((account.stored, account.lost()), (700, 1_000));
    drop(history);
    let recorder = Recorder::open(&config, runtime.handle().clone()).unwrap();
    assert_eq!(recorder.shared().account().lost_at_crash, 0, "what was lost is not lost once more");
}

#[test]
fn an_answer_about_what_is_over_is_given_again_until_something_late_comes() {
    let folder = tempfile::tempdir().unwrap();
    let (config, runtime) = (config(folder.path(), ""), runtime());
    let handed = Handed::default();
    let opening = Opening::new(&config, handed.clone(), runtime.handle().clone());
    let recorder = opening.open().unwrap();
    let geolocation = Arc::new(Current::new(Geolocation::without_databases(&Settings::default())));
    let history = History::new(Arc::clone(opening.kept()), geolocation);
    let (queue, received) = transport::queue();
    let (end, live) = InProcess::channel();
    let end = end.with_history(queue, &handed).for_worker(0);
    let recording = Recording::start(recorder, received, runtime.handle().clone()).unwrap();
    let geolocation = Arc::new(Geolocation::without_databases(&Settings::default()));
    let mut running = Running { end, live, recording, geolocation, next: 1, taken_by_live: 0 };

    let over_ms = now_ms() - 7_200_000;
    let question = HeatmapQuestion {
        range: TimeRange { from_ms: over_ms - 1_000, to_ms: over_ms + 3_600_000 },
        filter: "src.port = 0".to_owned(),
        sides: Sides::Both,
        addresses: true,
        places: 0,
    };
    let flows = |count: u64| {
        let heatmap = runtime.block_on(history.heatmap(&question, 0)).unwrap();
        assert_eq!(heatmap.total.traffic.flows, count);
        heatmap
    };
    for round in 1..=3 {
        running.hand_over(1_000, over_ms);
        // What is not of the range changes nothing.
        running.hand_over(1_000, now_ms());
        running.settled();
        let first = flows(round * 1_000);
        let again = flows(round * 1_000);
        assert_eq!((first.total, first.source.gaps), (again.total, again.source.gaps));
    }
    drop((history, opening));
    running.stop();
}

#[test]
fn rows_that_are_gone_before_the_sums_had_them_are_passed_over() {
    let folder = tempfile::tempdir().unwrap();
    let (config, runtime) = (config(folder.path(), ""), runtime());
    let mut running = Running::start(&config, &runtime);
    running.hand_over(3_000, now_ms());
    running.stop();
    remove_sums(&config);
    let mut running = Running::start(&config, &runtime);
    running.hand_over(1_000, now_ms());
    running.stop();
    assert_eq!(read_all(&config, &runtime).len(), 4_000);
    for path in parquet_files(&config.archive_folder()) {
        std::fs::remove_file(path).unwrap();
    }
    // Sums that begin anew have to be made of an archive whose oldest rows are gone.
    remove_sums(&config);
    let mut recorder = Recorder::open(&config, runtime.handle().clone()).unwrap();
    until("the sums have caught up", || {
        recorder.keep_up();
        !recorder.is_catching_up()
    });
    assert_eq!(recorder.store().position(), recorder.rows());
}

fn remove_sums(config: &Config) {
    for name in ["meridian.sqlite", "meridian.sqlite-wal", "meridian.sqlite-shm"] {
        let path = config.data_dir.join(name);
        if path.exists() {
            std::fs::remove_file(path).unwrap();
        }
    }
}

fn parquet_files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(parquet_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "parquet") {
            found.push(path);
        }
    }
    found
}
