//! The home location that was set on the settings page, kept in `home.json` of the data folder.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use crate::model::place::HomeLocation;

/// Reads it; `None` when none was ever set. A damaged file is told of and treated as none.
pub fn read(file: &Path) -> Option<HomeLocation> {
    let text = match fs::read(file) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
        Err(error) => {
            tracing::warn!(%error, file = %file.display(), "cannot read the home location; set it again on the settings page");
            return None;
        }
    };
    serde_json::from_slice(&text)
        .inspect_err(|error| {
            tracing::warn!(%error, file = %file.display(), "the home location is damaged; set it again on the settings page");
        })
        .ok()
}

/// Writes it so that a crash leaves either the old or the new location.
pub fn write(file: &Path, home: &HomeLocation) -> io::Result<()> {
    let folder = file.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let temporary = file.with_extension("json.new");
    let mut out = File::create(&temporary)?;
    out.write_all(&serde_json::to_vec_pretty(home)?)?;
    out.sync_all()?;
    fs::rename(&temporary, file)?;
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read_and_a_damaged_file_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("new/home.json");
        assert_eq!(read(&file), None);
        let home = HomeLocation { name: "Makhanda".to_owned(), latitude: -33.31, longitude: 26.52 };
        write(&file, &home).unwrap();
        assert_eq!(read(&file), Some(home));
        fs::write(&file, b"{\"name\": ").unwrap();
        assert_eq!(read(&file), None);
    }
}
