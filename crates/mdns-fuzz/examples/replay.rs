//! Hands files, or all files of folders, to a target, on any toolchain: `replay TARGET PATH..`. It panics as the target does.

use std::{env, fs, io, path::Path};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = env::args_os().skip(1);
    let name = args.next().ok_or("which target?")?;
    let target = mdns_fuzz::target(&name.to_string_lossy()).ok_or("there is no such target")?;
    let mut count = 0;
    for path in args {
        each_file(Path::new(&path), &mut |file| {
            println!("{}", file.display());
            (target.run)(&fs::read(file)?);
            count += 1;
            Ok(())
        })?;
    }
    println!("{count} inputs, and nothing wrong");
    Ok(())
}

/// The file, or all files in the folder.
fn each_file(path: &Path, take: &mut impl FnMut(&Path) -> io::Result<()>) -> io::Result<()> {
    if !path.is_dir() {
        return take(path);
    }
    for entry in fs::read_dir(path)? {
        each_file(&entry?.path(), take)?;
    }
    Ok(())
}
