//! The file that keeps the [saved state](super::saved_state) over restarts, and the thread that writes it.
//!
//! Collecting threads [hand](Saver) what they know to the [`Writer`] and go on. A crash leaves either the old or
//! the new file. A file that cannot be used is renamed aside, told of in the log and on every page, and the
//! process starts without; so does one that cannot be written: collecting never ends for it.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender, TrySendError};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use super::saved_state::{self, SavedExporter, SavedState};

/// How often the state is saved while datagrams come.
pub const INTERVAL: Duration = Duration::from_mins(1);
/// A larger file is damaged, and none is written. The limits of the collector allow less than half of it, with rules
/// that pin exporters to a worker twice as much, and with very many workers more.
const MAX_BYTES: u64 = 256 << 20;
/// What all collecting threads hand over within this time is written as one.
const TOGETHER: Duration = Duration::from_millis(500);

/// The file, and what is wrong with it.
#[derive(Debug)]
pub struct StateFile {
    path: PathBuf,
    /// What was wrong when it was read.
    damage: Option<String>,
    /// Why it could not be written the last time.
    fault: Mutex<Option<String>>,
}

impl StateFile {
    /// Reads the file, if there is one. A file that cannot be used is renamed aside.
    pub fn open(path: PathBuf) -> (Arc<Self>, SavedState) {
        let (state, damage) = match read(&path) {
            Ok(state) => (state, None),
            Err(reason) => (SavedState::default(), Some(set_aside(&path, &reason))),
        };
        if let Some(damage) = &damage {
            tracing::warn!("{damage}");
        }
        (Arc::new(Self { path, damage, fault: Mutex::default() }), state)
    }

    /// What is wrong with the file, for people; nothing if all is well.
    pub fn notices(&self) -> Vec<String> {
        let fault = self.fault.lock().unwrap_or_else(PoisonError::into_inner).clone();
        self.damage.iter().cloned().chain(fault).collect()
    }

    fn write(&self, state: &SavedState) {
        let fault = write(&self.path, state).err().map(|error| {
            format!("The collector's state cannot be saved in {} ({error}).", self.path.display())
        });
        let mut known = self.fault.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(fault) = fault.as_ref().filter(|fault| known.as_ref() != Some(fault)) {
            tracing::error!("{fault}");
        }
        *known = fault;
    }
}

/// The state of a file; an empty one if there is none. An error says in words why it cannot be used.
fn read(path: &Path) -> Result<SavedState, String> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(SavedState::default()),
        Err(error) => return Err(error.to_string()),
    };
    let mut bytes = Vec::new();
    file.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err("it is too large".to_owned());
    }
    saved_state::parse(&bytes).map_err(|damage| damage.to_string())
}

/// Renames a file that cannot be used, and says so.
fn set_aside(path: &Path, reason: &str) -> String {
    let aside = path.with_extension("damaged");
    let kept = match fs::rename(path, &aside) {
        Ok(()) => format!("it is kept as {}", aside.display()),
        Err(error) => format!("and it cannot be renamed ({error})"),
    };
    format!(
        "The collector's state in {} cannot be used: {reason}; {kept}. Flows may wait until exporters send their templates again.",
        path.display()
    )
}

/// Writes the file so that a crash leaves either the old or the new one.
fn write(path: &Path, state: &SavedState) -> io::Result<()> {
    let bytes = state.to_bytes().map_err(io::Error::other)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let temporary = path.with_extension("new");
    let mut out = File::create(&temporary)?;
    out.write_all(&bytes)?;
    out.sync_all()?;
    fs::rename(&temporary, path)?;
    File::open(folder)?.sync_all()
}

/// What a collecting thread knows of its exporters, by the number of the thread.
type Part = (usize, Vec<SavedExporter>);

/// The thread that writes the file. It ends, and is awaited, when the writer is dropped; the last state is written
/// once all its [`Saver`]s are gone.
#[derive(Debug)]
pub struct Writer {
    parts: Option<SyncSender<Part>>,
    thread: Option<JoinHandle<()>>,
}

/// The end of a collecting thread, by which it hands on what it knows.
#[derive(Debug)]
pub struct Saver {
    part: usize,
    parts: SyncSender<Part>,
}

impl Writer {
    /// Starts the thread. Nothing is written before `threads` collecting threads have handed over what they know.
    pub fn start(file: Arc<StateFile>, threads: usize) -> io::Result<Self> {
        let (parts, received) = mpsc::sync_channel(2 * threads.max(1));
        let thread = std::thread::Builder::new()
            .name("state-writer".to_owned())
            .spawn(move || run(&file, &received, threads))?;
        Ok(Self { parts: Some(parts), thread: Some(thread) })
    }

    /// The end for a collecting thread with this number, from 0.
    pub fn saver(&self, part: usize) -> Option<Saver> {
        Some(Saver { part, parts: self.parts.clone()? })
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.parts = None;
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the thread that saves the collector's state had ended with a panic");
        }
    }
}

impl Saver {
    /// Hands on what is known, unless what was handed on before is not written yet: then false.
    pub fn offer(&self, exporters: Vec<SavedExporter>) -> bool {
        !matches!(self.parts.try_send((self.part, exporters)), Err(TrySendError::Full(_)))
    }

    /// Hands on what is known last, and waits until it is taken.
    pub fn finish(self, exporters: Vec<SavedExporter>) {
        if self.parts.send((self.part, exporters)).is_err() {
            tracing::error!("the last state of the collector is not saved: its writer has ended");
        }
    }
}

fn run(file: &StateFile, received: &Receiver<Part>, threads: usize) {
    let mut parts: Vec<Option<Vec<SavedExporter>>> = vec![None; threads];
    let mut is_changed = false;
    loop {
        let part = if is_changed {
            received.recv_timeout(TOGETHER)
        } else {
            received.recv().map_err(|_| RecvTimeoutError::Disconnected)
        };
        match part {
            Ok((number, exporters)) => {
                if let Some(part) = parts.get_mut(number) {
                    *part = Some(exporters);
                    is_changed = true;
                }
                continue;
            }
            Err(RecvTimeoutError::Disconnected) if !is_changed => return,
            Err(_) => {}
        }
        is_changed = false;
        if parts.iter().all(Option::is_some) {
            let exporters = parts.iter().flatten().flatten().cloned().collect();
            file.write(&SavedState { exporters });
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;
    use crate::server::collector::limits::Limits;
    use crate::server::wire::template::Field;

    fn exporter(last: u8) -> SavedExporter {
        SavedExporter {
            address: IpAddr::from([192, 0, 2, last]),
            sent_from: None,
            first_seen_us: 1,
            last_seen_us: 2,
            protocols: Vec::new(),
            templates: Vec::new(),
            sessions: Vec::new(),
            options: Arc::default(),
        }
    }

    #[test]
    fn what_all_threads_handed_over_last_is_in_the_file_when_the_writer_has_ended() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/collector-state");
        let (file, state) = StateFile::open(path.clone());
        assert_eq!((state, file.notices()), (SavedState::default(), Vec::new()));
        let writer = Writer::start(Arc::clone(&file), 2).unwrap();
        let savers = [writer.saver(0).unwrap(), writer.saver(1).unwrap()];
        assert!(savers.iter().all(|saver| saver.offer(Vec::new())));
        for (saver, last) in savers.into_iter().zip([1, 2]) {
            saver.finish(vec![exporter(last)]);
        }
        drop(writer);
        let (file, state) = StateFile::open(path.clone());
        assert_eq!((state.exporters, file.notices()), (vec![exporter(1), exporter(2)], Vec::new()));
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "no temporary file is left");
    }

    #[test]
    fn a_thread_that_handed_over_nothing_does_not_lose_what_was_saved_of_its_exporters() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("collector-state");
        write(&path, &SavedState { exporters: vec![exporter(7)] }).unwrap();
        let (file, _) = StateFile::open(path.clone());
        let writer = Writer::start(file, 2).unwrap();
        writer.saver(0).unwrap().finish(vec![exporter(1)]);
        drop(writer);
        assert_eq!(StateFile::open(path).1.exporters, [exporter(7)]);
    }

    #[test]
    fn whatever_the_limits_allow_is_not_too_large_to_be_read_again() {
        let limits = Limits::default();
        let field = Field { element: u16::MAX, enterprise: u32::MAX, length: u16::MAX };
        let field_bytes = postcard::to_allocvec(&field).unwrap().len();
        // A template weighs 16 fields and an entry of options 96 bytes beside its own: both more than they take here.
        let templates = limits.template_weight * field_bytes;
        let sessions = (limits.sessions + 4 * limits.exporters) * 64;
        let most = templates + limits.options_weight + sessions + limits.exporters * 128;
        assert!(most as u64 <= MAX_BYTES / 2, "{most}");
    }

    #[test]
    fn a_damaged_file_is_set_aside_and_told_of_and_the_next_one_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("collector-state");
        fs::write(&path, b"meridian, but no more").unwrap();
        let (file, state) = StateFile::open(path.clone());
        assert_eq!(state, SavedState::default());
        let notices = file.notices();
        assert!(notices.len() == 1 && notices[0].contains("collector-state.damaged"), "{notices:?}");
        assert_eq!(
            fs::read(folder.path().join("collector-state.damaged")).unwrap(),
            b"meridian, but no more"
        );
        let writer = Writer::start(file, 1).unwrap();
        writer.saver(0).unwrap().finish(vec![exporter(1)]);
        drop(writer);
        assert_eq!(StateFile::open(path).1.exporters, [exporter(1)]);
    }

    #[test]
    fn a_file_that_cannot_be_written_is_told_of_until_it_can() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file/collector-state");
        fs::write(folder.path().join("file"), b"no folder").unwrap();
        let file = StateFile { path, damage: None, fault: Mutex::default() };
        file.write(&SavedState::default());
        let notices = file.notices();
        assert!(notices.len() == 1 && notices[0].contains("cannot be saved"), "{notices:?}");
        fs::remove_file(folder.path().join("file")).unwrap();
        file.write(&SavedState::default());
        assert_eq!(file.notices(), Vec::<String>::new());
    }
}
