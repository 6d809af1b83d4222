//! Files that the user names: read without waiting for ever, and changed without harm.

use std::{
    fs::{self, File, Metadata, OpenOptions},
    io::{self, Read as _, Seek as _, Write as _},
    path::{Path, PathBuf},
};

use tempfile::NamedTempFile;

use crate::session::Failure;

/// As many links as systems follow from one name to the file.
const LINKS_MAX: usize = 40;

/// Reads a file for the first time.
///
/// # Errors
///
/// Names the file. That there is no descriptor left is no fault of the arguments.
pub(crate) fn read(path: &Path) -> Result<String, Failure> {
    fs::read_to_string(path).map_err(|error| unreadable(path, &error))
}

/// Reads a file that was read before; not from a pipe, which may never have more to say.
///
/// # Errors
///
/// Names the file.
pub(crate) fn read_again(path: &Path) -> Result<String, String> {
    let of_file = |error: io::Error| format!("{}: {error}", path.display());
    if !fs::metadata(path).map_err(of_file)?.is_file() {
        return Err(format!(
            "{}: not a regular file, which could be read again",
            path.display()
        ));
    }
    fs::read_to_string(path).map_err(of_file)
}

/// Why a file cannot be read.
pub(crate) fn unreadable(path: &Path, error: &io::Error) -> Failure {
    let text = format!("{}: {error}", path.display());
    match is_out_of_descriptors(error) {
        true => Failure::Network(format!("{text}; raise the limit (ulimit -n)")),
        false => Failure::Usage(text),
    }
}

/// Why a file cannot be kept.
pub(crate) fn unwritable(path: &Path, error: &io::Error) -> Failure {
    let text = format!("{} cannot be written: {error}", path.display());
    match is_out_of_descriptors(error) {
        true => Failure::Network(format!("{text}; raise the limit (ulimit -n)")),
        false => Failure::Usage(text),
    }
}

fn is_out_of_descriptors(error: &io::Error) -> bool {
    #[cfg(unix)]
    return [rustix::io::Errno::MFILE, rustix::io::Errno::NFILE]
        .map(rustix::io::Errno::raw_os_error)
        .iter()
        .any(|number| error.raw_os_error() == Some(*number));
    #[cfg(not(unix))]
    return error.raw_os_error() == Some(10024);
}

/// A file that is written anew now and then.
#[derive(Debug)]
pub(crate) enum Kept {
    /// A regular file, or none yet; links have been followed.
    File(PathBuf),
    /// What keeps nothing, such as `/dev/null`.
    Nowhere,
}

impl Kept {
    /// Finds the file of a path, and that it can be written.
    ///
    /// # Errors
    ///
    /// It cannot, or it is something else than a file: a directory, a FIFO, a socket, a disk, a terminal.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let path = followed(path)?;
        match fs::metadata(&path) {
            Ok(found) if found.is_file() => {
                // Another could take its place, but who may not write this one is not meant to change it.
                OpenOptions::new().write(true).open(&path)?;
                Ok(Kept::File(path))
            }
            Ok(found) if is_null(&found) => Ok(Kept::Nowhere),
            Ok(_) => Err(io::Error::other("not a regular file")),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                beside(&path)?;
                Ok(Kept::File(path))
            }
            Err(error) => Err(error),
        }
    }

    /// What is in it; nothing if there is no such file yet.
    ///
    /// # Errors
    ///
    /// It cannot be read.
    pub(crate) fn read(&self) -> io::Result<String> {
        match self {
            Kept::Nowhere => Ok(String::new()),
            Kept::File(path) => match fs::read_to_string(path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(String::new()),
                read => read,
            },
        }
    }

    /// Writes it anew. Mode and owner stay; so do links to it.
    ///
    /// It is replaced as a whole: whoever reads it, and whenever the power fails, finds all of the old or all of the new. Where it cannot
    /// be, since another file could not have its owner, or nothing can be put beside it, it is written in place.
    ///
    /// # Errors
    ///
    /// It cannot be written, or is something else than a file by now. It says what it said before.
    pub(crate) fn write(&self, text: &str) -> io::Result<()> {
        let Kept::File(path) = self else {
            return Ok(());
        };
        match fs::metadata(path) {
            Ok(found) if !found.is_file() => Err(io::Error::other("not a regular file")),
            Ok(found) => match replace(path, Some(&found), text) {
                Ok(()) => Ok(()),
                Err(_) => write_in_place(path, text),
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => replace(path, None, text),
            Err(error) => Err(error),
        }
    }
}

/// The name of the file that a path leads to, which need not be there.
fn followed(path: &Path) -> io::Result<PathBuf> {
    let mut path = path.to_owned();
    for _ in 0..LINKS_MAX {
        match fs::read_link(&path) {
            Ok(target) => path = directory(&path).join(target),
            // It is no link.
            Err(_) => return Ok(path),
        }
    }
    Err(io::Error::other("too many symbolic links"))
}

/// The directory that a file is in.
fn directory(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    }
}

/// A file that can take the place of another.
fn beside(path: &Path) -> io::Result<NamedTempFile> {
    NamedTempFile::new_in(directory(path))
}

fn replace(path: &Path, old: Option<&Metadata>, text: &str) -> io::Result<()> {
    let mut file = beside(path)?;
    file.write_all(text.as_bytes())?;
    if let Some(old) = old {
        keep_owner(file.as_file(), old)?;
        // After the owner: a change of that takes rights away.
        file.as_file().set_permissions(old.permissions())?;
    }
    file.as_file().sync_all()?;
    file.persist(path)?;
    Ok(())
}

/// Gives a file the owner of another that it is to replace; an error if the other has more names, which would keep the old text.
#[cfg(unix)]
fn keep_owner(file: &File, old: &Metadata) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt as _, fchown};

    if old.nlink() > 1 {
        return Err(io::Error::other("it has other names"));
    }
    let new = file.metadata()?;
    match (new.uid(), new.gid()) == (old.uid(), old.gid()) {
        true => Ok(()),
        false => fchown(file, Some(old.uid()), Some(old.gid())),
    }
}

#[cfg(not(unix))]
fn keep_owner(_: &File, _: &Metadata) -> io::Result<()> {
    Ok(())
}

fn write_in_place(path: &Path, text: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().read(true).write(true).open(path)?;
    let mut old = Vec::new();
    file.read_to_end(&mut old)?;
    // Nothing is cut before all is written, so the old text has its room on a full disk.
    let mut write = |text: &[u8]| {
        file.rewind()?;
        file.write_all(text)?;
        file.set_len(text.len() as u64)?;
        file.sync_all()
    };
    write(text.as_bytes()).inspect_err(|_| drop(write(&old)))
}

/// Whether it is `/dev/null`, whatever its name is.
#[cfg(unix)]
fn is_null(found: &Metadata) -> bool {
    use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};

    found.file_type().is_char_device()
        && fs::metadata("/dev/null").is_ok_and(|null| null.rdev() == found.rdev())
}

#[cfg(not(unix))]
fn is_null(_: &Metadata) -> bool {
    false
}

#[cfg(all(test, unix))]
mod tests {
    use std::{
        os::unix::{
            fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _, symlink},
            net::UnixListener,
        },
        process::Command,
    };

    use super::*;

    fn kept(path: &Path) -> Kept {
        Kept::open(path).expect("a file")
    }

    #[test]
    fn links_are_followed_and_mode_and_owner_stay() {
        let directory = tempfile::tempdir().expect("a directory");
        let in_it = |name: &str| directory.path().join(name);
        fs::create_dir(in_it("real")).expect("a directory");
        fs::write(in_it("real/names"), "old").expect("a file");
        let mode = fs::Permissions::from_mode(0o664);
        fs::set_permissions(in_it("real/names"), mode).expect("a mode");
        // Only root may.
        let is_other = std::os::unix::fs::chown(in_it("real/names"), Some(1), Some(1)).is_ok();
        symlink("real/names", in_it("names")).expect("a link");
        symlink("names", in_it("again")).expect("a link");
        kept(&in_it("again")).write("new").expect("written");
        for link in ["names", "again"] {
            assert!(
                fs::symlink_metadata(in_it(link))
                    .expect("a link")
                    .is_symlink()
            );
        }
        let real = fs::metadata(in_it("real/names")).expect("a file");
        assert_eq!(real.mode() & 0o7777, 0o664);
        assert!(!is_other || (real.uid(), real.gid()) == (1, 1));
        assert_eq!(kept(&in_it("again")).read().expect("text"), "new");
        // A link to what is not there yet.
        symlink("real/later", in_it("later")).expect("a link");
        kept(&in_it("later")).write("x").expect("written");
        assert_eq!(fs::read_to_string(in_it("real/later")).expect("text"), "x");
        // Nothing is left beside them.
        assert_eq!(fs::read_dir(in_it("real")).expect("a directory").count(), 2);
        symlink("loop", in_it("loop")).expect("a link");
        assert!(Kept::open(&in_it("loop")).is_err());
    }

    #[test]
    fn a_file_of_two_names_is_written_in_place() {
        let directory = tempfile::tempdir().expect("a directory");
        let (one, two) = (directory.path().join("one"), directory.path().join("two"));
        fs::write(&one, "a long old text").expect("a file");
        fs::hard_link(&one, &two).expect("a name");
        kept(&one).write("new").expect("written");
        assert_eq!(fs::read_to_string(&two).expect("text"), "new");
    }

    #[test]
    fn what_is_no_file_is_not_touched() {
        let directory = tempfile::tempdir().expect("a directory");
        let in_it = |name: &str| directory.path().join(name);
        let made = Command::new("mkfifo").arg(in_it("fifo")).status();
        assert!(made.expect("mkfifo").success());
        let _socket = UnixListener::bind(in_it("socket")).expect("a socket");
        symlink("fifo", in_it("to-fifo")).expect("a link");
        let others = ["/dev/full", "/dev/zero", "/dev/tty"].map(PathBuf::from);
        let others = others.into_iter().filter(|path| path.exists());
        for path in ["fifo", "to-fifo", "socket", "."]
            .map(in_it)
            .into_iter()
            .chain(others)
        {
            let error = Kept::open(&path).expect_err("no file");
            assert!(error.to_string().contains("not a regular file"), "{error}");
        }
        let nowhere = kept(Path::new("/dev/null"));
        nowhere.write("text").expect("nothing");
        assert_eq!(nowhere.read().expect("nothing"), "");
        symlink("/dev/null", in_it("null")).expect("a link");
        kept(&in_it("null")).write("text").expect("nothing");
        let null = fs::metadata("/dev/null").expect("a device");
        assert!(null.file_type().is_char_device());
        assert!(read_again(&in_it("fifo")).is_err());
        // It has become something else since.
        let file = kept(&in_it("file"));
        fs::create_dir(in_it("file")).expect("a directory");
        assert!(file.write("text").is_err());
    }

    /// A link to a file in a directory that is not there, and a path through a file.
    #[test]
    fn what_cannot_be_made_is_refused_at_once() {
        let directory = tempfile::tempdir().expect("a directory");
        let in_it = |name: &str| directory.path().join(name);
        symlink("no/such/place", in_it("dangling")).expect("a link");
        fs::write(in_it("file"), "old").expect("a file");
        for name in ["dangling", "file/names", "none/names"] {
            Kept::open(&in_it(name)).expect_err(name);
        }
        // A file that may only be read. Root may write it all the same.
        let mode = fs::Permissions::from_mode(0o444);
        fs::set_permissions(in_it("file"), mode).expect("a mode");
        let may_write = OpenOptions::new().write(true).open(in_it("file")).is_ok();
        assert_eq!(Kept::open(&in_it("file")).is_ok(), may_write);
        assert_eq!(fs::read_to_string(in_it("file")).expect("text"), "old");
    }

    #[test]
    fn what_is_written_in_place_is_whole() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("names");
        for text in ["old", "new and longer", "short"] {
            fs::write(&path, "before").expect("a file");
            write_in_place(&path, text).expect("written");
            assert_eq!(fs::read_to_string(&path).expect("text"), text);
        }
    }
}
