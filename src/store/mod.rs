//! L4: what is kept between runs, on disk.
//!
//! One file, `baselines.tidemark`, in the folder that `--state` names:
//!
//! | octets | what |
//! |---|---|
//! | 8 | `TIDEMARK` |
//! | 4 | format version, little endian; now 6 |
//! | 8 | length of the payload, little endian |
//! | 4 | CRC-32 (IEEE 802.3) of the payload, little endian |
//! | ... | payload: a zstd frame of a postcard message |
//!
//! It is written under another name, synced, and renamed over the old one: whatever happens meanwhile, the file is
//! the old or the new one as a whole. A file that is torn, foreign or of another version is refused with its reason
//! and never half used.

pub mod access;
pub mod desk;
pub mod flows;

use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

const NAME: &str = "baselines.tidemark";
const MAGIC: [u8; 8] = *b"TIDEMARK";
const VERSION: u32 = 6;
const HEADER: usize = 24;
/// A state larger than this when unpacked is no state of ours.
const MOST: u64 = 8 << 30;

/// Why a state cannot be kept or used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The file or folder.
    #[error("{path}: {source}")]
    Io {
        /// Which.
        path: PathBuf,
        /// What happened.
        source: io::Error,
    },
    /// The file is no state, or not a whole one.
    #[error("{path}: {what}")]
    Unusable {
        /// Which.
        path: PathBuf,
        /// Why.
        what: String,
    },
}

/// Writes `state` into `folder`, which is made if need be.
///
/// # Errors
///
/// It cannot be written; an older state is still there as it was.
pub fn save<T: Serialize>(folder: &Path, state: &T) -> Result<(), StoreError> {
    let path = folder.join(NAME);
    let io = |source| StoreError::Io {
        path: path.clone(),
        source,
    };
    let unusable = |what: String| StoreError::Unusable {
        path: path.clone(),
        what,
    };
    fs::create_dir_all(folder).map_err(io)?;
    let message = postcard::to_allocvec(state).map_err(|e| unusable(format!("cannot be written: {e}")))?;
    let payload = zstd::encode_all(&message[..], 1).map_err(io)?;
    let part = folder.join(format!("{NAME}.part"));
    let written = File::create(&part).and_then(|mut file| {
        file.write_all(&header(&payload))?;
        file.write_all(&payload)?;
        file.sync_all()
    });
    written.and_then(|()| fs::rename(&part, &path)).map_err(io)?;
    // The new name itself must survive a power cut too.
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(io)
}

/// Reads the state in `folder`; `None` where there is none yet.
///
/// # Errors
///
/// There is one that cannot be used, and why.
pub fn load<T: DeserializeOwned>(folder: &Path) -> Result<Option<T>, StoreError> {
    let path = folder.join(NAME);
    let octets = match fs::read(&path) {
        Ok(octets) => octets,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(StoreError::Io { path, source }),
    };
    parse(&octets)
        .map(Some)
        .map_err(|what| StoreError::Unusable { path, what })
}

/// Renames the state in `folder` to `baselines.tidemark.refused`, over an earlier one; what it is called now.
///
/// # Errors
///
/// It cannot be renamed.
pub fn put_aside(folder: &Path) -> Result<PathBuf, StoreError> {
    let (path, aside) = (folder.join(NAME), folder.join(format!("{NAME}.refused")));
    match fs::rename(&path, &aside) {
        Ok(()) => Ok(aside),
        Err(source) => Err(StoreError::Io { path, source }),
    }
}

fn header(payload: &[u8]) -> [u8; HEADER] {
    let mut header = [0; HEADER];
    header[..8].copy_from_slice(&MAGIC);
    header[8..12].copy_from_slice(&VERSION.to_le_bytes());
    header[12..20].copy_from_slice(&(payload.len() as u64).to_le_bytes());
    header[20..].copy_from_slice(&checksum(payload).to_le_bytes());
    header
}

fn checksum(octets: &[u8]) -> u32 {
    let mut crc = flate2::Crc::new();
    crc.update(octets);
    crc.sum()
}

fn parse<T: DeserializeOwned>(octets: &[u8]) -> Result<T, String> {
    let (header_octets, payload) = octets
        .split_at_checked(HEADER)
        .ok_or("it is shorter than its header: no state, or a torn one")?;
    if header_octets[..8] != MAGIC {
        return Err("it is no state of Tidemark".to_owned());
    }
    let version = u32::from_le_bytes([
        header_octets[8],
        header_octets[9],
        header_octets[10],
        header_octets[11],
    ]);
    if version != VERSION {
        return Err(format!(
            "it is of format version {version}, this program reads version {VERSION}"
        ));
    }
    if header_octets != header(payload) {
        return Err("it is torn or damaged: length or checksum do not fit".to_owned());
    }
    let mut message = Vec::new();
    zstd::Decoder::new(payload)
        .and_then(|decoder| decoder.take(MOST).read_to_end(&mut message))
        .map_err(|e| format!("it cannot be unpacked: {e}"))?;
    postcard::from_bytes(&message).map_err(|e| format!("it cannot be read: {e}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    type State = Vec<(String, f64)>;

    fn state(n: usize) -> State {
        (0..n).map(|i| (format!("series {i}"), i as f64 / 3.0)).collect()
    }

    #[test]
    fn what_was_saved_is_loaded() {
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("new/folder");
        assert!(load::<State>(&inner).unwrap().is_none());
        save(&inner, &state(100)).unwrap();
        save(&inner, &state(50)).unwrap();
        assert_eq!(load::<State>(&inner).unwrap(), Some(state(50)));
        assert_eq!(
            fs::read_dir(&inner).unwrap().count(),
            1,
            "nothing is left lying about"
        );
    }

    #[test]
    fn a_state_put_aside_is_no_longer_loaded_and_still_there() {
        let folder = tempfile::tempdir().unwrap();
        save(folder.path(), &state(3)).unwrap();
        let aside = put_aside(folder.path()).unwrap();
        assert!(load::<State>(folder.path()).unwrap().is_none());
        assert_eq!(parse::<State>(&fs::read(aside).unwrap()), Ok(state(3)));
    }

    #[test]
    fn a_state_torn_at_any_octet_is_refused_in_words() {
        let folder = tempfile::tempdir().unwrap();
        save(folder.path(), &state(20)).unwrap();
        let whole = fs::read(folder.path().join(NAME)).unwrap();
        for cut in 0..whole.len() {
            let refused = parse::<State>(&whole[..cut]).unwrap_err();
            assert!(refused.contains("torn"), "{cut}: {refused}");
        }
        for at in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[at] ^= 1;
            assert!(parse::<State>(&damaged).is_err(), "octet {at}");
        }
    }

    #[test]
    fn a_foreign_file_and_another_version_are_told_apart() {
        assert_eq!(
            parse::<State>(&[7; 40]).unwrap_err(),
            "it is no state of Tidemark"
        );
        let mut future = header(b"").to_vec();
        future[8] = 9;
        assert_eq!(
            parse::<State>(&future).unwrap_err(),
            "it is of format version 9, this program reads version 6"
        );
    }
}
