//! Names of addresses, asked of the system's resolver; only where the configuration switches it on, because whoever
//! answers learns which addresses were seen.
//!
//! Nobody waits for a name who does not want to: what is known is given at once, and what is not is asked for in the
//! background by few threads. Bounded: names, questions that wait, and questions at a time. A question ends when the
//! resolver gives it up (`timeout` and `attempts` of `/etc/resolv.conf`).

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::mem;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use dns_lookup::LookupErrorKind;
use foldhash::fast::RandomState;
use tokio::sync::Notify;

use crate::model::history::Key;

/// Questions that wait for their turn, at most; more are not asked.
const MOST_WAITING: usize = 1_024;
/// Questions asked at the same time.
const AT_ONCE: usize = 8;
/// Answers kept in each of the two generations.
const MOST_KEPT: usize = 10_000;
/// The longest name (RFC 1035 §2.3.4).
const MOST_CHARACTERS: usize = 253;

/// What a resolver says of an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// It is called this.
    Name(String),
    /// It has no name.
    Nothing,
    /// The resolver could not tell now.
    Failed,
}

impl Said {
    /// For how long this is not asked again.
    const fn holds_for(&self) -> Duration {
        match self {
            Self::Name(_) => Duration::from_hours(1),
            Self::Nothing => Duration::from_mins(10),
            Self::Failed => Duration::from_mins(1),
        }
    }
}

/// What came of the questions so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Answered with a name.
    pub named: u64,
    /// Answered with "no name".
    pub nameless: u64,
    /// The resolver could not tell.
    pub failed: u64,
    /// Not asked, because too many waited.
    pub refused: u64,
}

/// Who says what an address is called; may block.
type Resolver = dyn Fn(IpAddr) -> Said + Send + Sync;

/// The names that are known, and the way to more.
pub struct HostNames {
    known: Mutex<Known>,
    answered: Notify,
    counts: [AtomicU64; 4],
    resolver: Box<Resolver>,
}

#[derive(Clone, Debug)]
enum Entry {
    /// Asked for.
    Asked,
    /// Answered.
    Answered { said: Said, until: Instant },
}

/// Two generations: when the young one is full it becomes the old one, and what nobody asked for since is forgotten.
#[derive(Debug, Default)]
struct Known {
    young: HashMap<IpAddr, Entry, RandomState>,
    old: HashMap<IpAddr, Entry, RandomState>,
    /// Questions that nobody works on yet.
    waiting: VecDeque<IpAddr>,
    /// Threads that work on questions.
    at_work: usize,
}

impl Known {
    fn find(&mut self, address: IpAddr) -> Option<&Entry> {
        if let Some(entry) = self.old.remove(&address) {
            self.put(address, entry);
        }
        self.young.get(&address)
    }

    fn put(&mut self, address: IpAddr, entry: Entry) {
        if self.young.len() >= MOST_KEPT && !self.young.contains_key(&address) {
            self.old = mem::take(&mut self.young);
        }
        self.young.insert(address, entry);
    }
}

impl fmt::Debug for HostNames {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.debug_struct("HostNames").field("counts", &self.counts()).finish_non_exhaustive()
    }
}

impl HostNames {
    /// Nothing known yet; questions go to the system's resolver.
    pub fn of_system() -> Arc<Self> {
        Self::of(ask_system)
    }

    fn of(resolver: impl Fn(IpAddr) -> Said + Send + Sync + 'static) -> Arc<Self> {
        Arc::new(Self {
            known: Mutex::default(),
            answered: Notify::new(),
            counts: Default::default(),
            resolver: Box::new(resolver),
        })
    }

    /// The name of an address, if it is known; if nothing is known of it, it is asked for.
    pub fn name(self: &Arc<Self>, address: IpAddr) -> Option<String> {
        match self.said(address)? {
            Said::Name(name) => Some(name),
            Said::Nothing | Said::Failed => None,
        }
    }

    /// What is said of these addresses, waiting for it at most so long; without those that are not answered by then.
    /// The label is empty of an address without a name.
    pub async fn wait_for(self: &Arc<Self>, addresses: &[IpAddr], most: Duration) -> Vec<Key> {
        let until = tokio::time::Instant::now() + most;
        loop {
            let mut answered = std::pin::pin!(self.answered.notified());
            // From here on an answer is not missed.
            answered.as_mut().enable();
            let said: Vec<(IpAddr, Said)> =
                addresses.iter().filter_map(|address| Some((*address, self.said(*address)?))).collect();
            let is_all = said.len() == addresses.len();
            if is_all || tokio::time::timeout_at(until, answered).await.is_err() {
                return said.into_iter().map(key).collect();
            }
        }
    }

    /// What came of the questions so far.
    pub fn counts(&self) -> Counts {
        let [named, nameless, failed, refused] =
            self.counts.each_ref().map(|count| count.load(Ordering::Relaxed));
        Counts { named, nameless, failed, refused }
    }

    fn said(self: &Arc<Self>, address: IpAddr) -> Option<Said> {
        if address.is_unspecified() || address.is_multicast() {
            return Some(Said::Nothing);
        }
        let mut known = self.known();
        match known.find(address) {
            Some(Entry::Answered { said, until }) if Instant::now() < *until => return Some(said.clone()),
            Some(Entry::Asked) => return None,
            Some(Entry::Answered { .. }) | None => {}
        }
        if known.waiting.len() >= MOST_WAITING {
            self.count(3);
            return None;
        }
        known.put(address, Entry::Asked);
        known.waiting.push_back(address);
        if known.at_work < AT_ONCE {
            known.at_work += 1;
            let own = Arc::clone(self);
            tokio::task::spawn_blocking(move || own.work());
        }
        None
    }

    /// Answers one question after the other until there is none.
    fn work(&self) {
        while let Some(address) = self.next() {
            self.keep(address, (self.resolver)(address));
        }
    }

    fn next(&self) -> Option<IpAddr> {
        let mut known = self.known();
        let next = known.waiting.pop_front();
        if next.is_none() {
            known.at_work -= 1;
        }
        next
    }

    fn keep(&self, address: IpAddr, said: Said) {
        self.count(match said {
            Said::Name(_) => 0,
            Said::Nothing => 1,
            Said::Failed => 2,
        });
        let until = Instant::now() + said.holds_for();
        self.known().put(address, Entry::Answered { said, until });
        self.answered.notify_waiters();
    }

    fn count(&self, position: usize) {
        if let Some(count) = self.counts.get(position) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn key((address, said): (IpAddr, Said)) -> Key {
    let label = match said {
        Said::Name(name) => name,
        Said::Nothing | Said::Failed => String::new(),
    };
    Key { value: address.to_string(), label }
}

/// Asks the system: its hosts file, its name servers, and whatever else it is set up with. Blocks.
fn ask_system(address: IpAddr) -> Said {
    match dns_lookup::lookup_addr(&address) {
        Ok(name) => read(&name),
        Err(error) => match error.kind() {
            LookupErrorKind::NoName | LookupErrorKind::NoData => Said::Nothing,
            _ => Said::Failed,
        },
    }
}

/// A name as it may be shown: whoever owns an address may write anything there.
fn read(name: &str) -> Said {
    let name = name.trim_end_matches('.');
    let is_usual = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_' | '.');
    let is_name = !name.is_empty() && name.len() <= MOST_CHARACTERS && name.chars().all(is_usual);
    if is_name && name.parse::<IpAddr>().is_err() { Said::Name(name.to_owned()) } else { Said::Nothing }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    const SOON: Duration = Duration::from_secs(20);

    fn address(number: u32) -> IpAddr {
        Ipv4Addr::from(0x0a00_0000 + number).into()
    }

    #[tokio::test]
    async fn the_system_knows_what_loopback_is_called() {
        let loopback = IpAddr::from(Ipv4Addr::LOCALHOST);
        let names = HostNames::of_system();
        let found = names.wait_for(&[loopback], SOON).await;
        let [key] = found.as_slice() else { panic!("one answer") };
        assert_eq!(key.value, "127.0.0.1");
        assert!(key.label.starts_with("localhost"), "{key:?}");
        assert_eq!(names.name(loopback), Some(key.label.clone()));
        assert_eq!(names.counts(), Counts { named: 1, ..Counts::default() });
    }

    #[tokio::test]
    async fn who_does_not_wait_gets_nothing_at_first_and_the_name_later() {
        let names = HostNames::of(|address| Said::Name(format!("host-{address}")));
        assert_eq!(names.name(address(1)), None);
        names.wait_for(&[address(1)], SOON).await;
        assert_eq!(names.name(address(1)), Some("host-10.0.0.1".to_owned()));
    }

    #[tokio::test]
    async fn a_resolver_that_hangs_holds_nobody_up_and_its_questions_are_bounded() {
        let (release, hangs) = std::sync::mpsc::channel::<()>();
        let hangs = Mutex::new(hangs);
        let names = HostNames::of(move |_| {
            // Ends when the test does.
            let _ = hangs.lock().map(|hangs| hangs.recv());
            Said::Failed
        });
        let waited = names.wait_for(&[address(0)], Duration::from_millis(20)).await;
        assert!(waited.is_empty());
        for number in 0..5_000 {
            assert_eq!(names.name(address(number)), None);
        }
        let refused = names.counts().refused;
        assert!((5_000 - 2 * 1_024..5_000).contains(&refused), "{refused}");
        drop(release);
    }

    #[tokio::test]
    async fn old_answers_make_room_and_those_in_use_stay() {
        let names = HostNames::of(|_| Said::Nothing);
        let mut known = names.known();
        let until = Instant::now() + SOON;
        let entry = |name: &str| Entry::Answered { said: Said::Name(name.to_owned()), until };
        known.put(address(0), entry("in-use"));
        for number in 1..100_000 {
            known.put(address(number), entry("other"));
            if number % 1_000 == 0 {
                assert!(known.find(address(0)).is_some());
            }
        }
        assert!(known.young.len() + known.old.len() <= 2 * MOST_KEPT);
        assert!(known.find(address(1)).is_none());
        assert!(known.find(address(0)).is_some());
    }

    #[test]
    fn a_name_that_could_not_be_one_is_none() {
        assert_eq!(read("one.one.one.one."), Said::Name("one.one.one.one".to_owned()));
        for wrong in ["", ".", "192.0.2.1", "<b>bold</b>", "a b", "ünïcode.example"] {
            assert_eq!(read(wrong), Said::Nothing, "{wrong}");
        }
        assert_eq!(read(&"a".repeat(254)), Said::Nothing);
    }
}
