//! The geolocation in use.

use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;

use super::{Geolocation, HomeLocation, Settings};

/// The current geolocation. Readers take it without waiting; changes are made beside it and swapped in.
#[derive(Debug)]
pub struct Current {
    geolocation: ArcSwap<Geolocation>,
    /// Held while files are read again, so that two changes do not read them twice.
    reloading: Mutex<()>,
    /// Held for the moment in which one geolocation is replaced by the next.
    replacing: Mutex<()>,
}

impl Current {
    /// Begins with a geolocation.
    pub fn new(geolocation: Geolocation) -> Self {
        Self {
            geolocation: ArcSwap::from_pointee(geolocation),
            reloading: Mutex::new(()),
            replacing: Mutex::new(()),
        }
    }

    /// The geolocation of this moment. Keep it for a batch, so that its place numbers stay valid.
    pub fn load(&self) -> Arc<Geolocation> {
        self.geolocation.load_full()
    }

    /// Sets where the home networks are that have no location of their own; `None` makes it unknown again.
    pub fn set_home(&self, home: Option<HomeLocation>) {
        let _replacing = self.replacing.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.load();
        let settings = Settings { home, ..now.settings.clone() };
        self.geolocation.store(Arc::new(Geolocation::with_files(settings, now.files.clone())));
    }

    /// Reads the database files that have changed and swaps them in; true when anything changed. Takes seconds for
    /// large files: call it from a thread that may block. A changed file that cannot be used is a problem in the
    /// status, and the earlier one stays.
    pub fn reload(&self) -> bool {
        let _reloading = self.reloading.lock().unwrap_or_else(PoisonError::into_inner);
        let before = self.load();
        let Some(files) = before.files.refreshed(&before.settings.databases) else { return false };
        let _replacing = self.replacing.lock().unwrap_or_else(PoisonError::into_inner);
        let settings = self.load().settings.clone();
        self.geolocation.store(Arc::new(Geolocation::with_files(settings, files)));
        true
    }
}
