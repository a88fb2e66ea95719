//! How much longer does a crate of 100 annotated functions take to compile than the same written by hand?
//!
//! `cargo bench -p aiotools-benches --bench macros_compile`. CPU time of `rustc`, the user's part.
//!
//! "By hand" is what the public API offers for the purpose: an implementation of `AsyncContextManager`, or `create_timer`. "The
//! expansion, by hand" is what the attribute expands to, less what it does for errors and for `yield_!`. Each is built as
//! `cargo build` does, without optimisation, and checked as `cargo check` does.
#![allow(missing_docs, reason = "a bench")]

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use aiotools_benches::{Samples, setting};
use nix::sys::{
    resource::{UsageWho, getrusage},
    time::TimeValLike as _,
};

const FUNCTIONS: usize = 100;
const ANNOTATED: &str = "annotated";
const BY_HAND: &str = "by hand";
const EXPANDED: &str = "the expansion, by hand";

/// One kind of function: how it is written in each form. `NN` is its number.
struct Case {
    name: &'static str,
    forms: &'static [(&'static str, &'static str)],
}

const CASES: [Case; 3] = [
    Case {
        name: "managers",
        forms: &[
            (
                ANNOTATED,
                "#[aiotools::actxmgr]
                 pub async fn number_NN(a: u32, log: String) -> u32 {
                     let text = log.clone();
                     let exit: aiotools::Exit = yield_!(a + NN);
                     drop((text, exit));
                 }",
            ),
            (
                BY_HAND,
                "pub struct Number_NN { a: u32, log: String, text: String }
                 impl aiotools::AsyncContextManager for Number_NN {
                     type Lend = aiotools::context::Owned<u32>;
                     type Error = std::convert::Infallible;
                     async fn enter(&mut self) -> Result<u32, std::convert::Infallible> {
                         self.text = self.log.clone();
                         Ok(self.a + NN)
                     }
                     async fn exit(self, exit: aiotools::Exit) -> Result<(), std::convert::Infallible> {
                         drop((self.text, exit));
                         Ok(())
                     }
                 }
                 pub fn number_NN(a: u32, log: String) -> aiotools::context::Manager<
                     impl aiotools::__private::Coroutine<
                         Lend = aiotools::context::Owned<u32>, Resume = aiotools::Exit,
                         Future = impl Future<Output = Result<(), std::convert::Infallible>> + Send + 'static,
                     >,
                 > {
                     aiotools::AsyncContextManager::manager(Number_NN { a, log, text: String::new() })
                 }",
            ),
            (
                EXPANDED,
                "pub fn number_NN(a: u32, log: String) -> aiotools::__private::Manager<
                     impl aiotools::__private::Coroutine<
                         Lend = aiotools::__private::Owned<u32>, Resume = aiotools::Exit,
                         Future = impl Future<Output = ()> + Send + 'static,
                     >,
                 > {
                     <aiotools::__private::Manager<_>>::shared(
                         aiotools::__private::Spec::new(const { &aiotools::__private::About::new(\"number\") }),
                         aiotools::__private::Body::new(
                             move |point: aiotools::__private::YieldPoint<
                                 aiotools::__private::Owned<u32>, aiotools::Exit,
                             >| {
                                 let point = unsafe { point.lender() };
                                 async move {
                                     let text = log.clone();
                                     let exit: aiotools::Exit = point.lend(a + NN).await;
                                     drop((text, exit));
                                 }
                             },
                         ),
                     )
                 }",
            ),
        ],
    },
    Case {
        name: "fallible managers that lend",
        forms: &[
            (
                ANNOTATED,
                "#[aiotools::actxmgr]
                 pub async fn text_NN(name: String) -> std::io::Result<&mut String> {
                     let mut text = String::from_utf8(name.into_bytes()).map_err(std::io::Error::other)?;
                     yield_!(&mut text);
                     drop(text);
                     Ok(())
                 }",
            ),
            (
                BY_HAND,
                "pub struct Text_NN { text: String }
                 impl aiotools::AsyncContextManager for Text_NN {
                     type Lend = aiotools::context::Mut<String>;
                     type Error = std::io::Error;
                     async fn enter(&mut self) -> std::io::Result<&mut String> {
                         let name = std::mem::take(&mut self.text);
                         self.text = String::from_utf8(name.into_bytes()).map_err(std::io::Error::other)?;
                         Ok(&mut self.text)
                     }
                     async fn exit(self, _exit: aiotools::Exit) -> std::io::Result<()> {
                         drop(self.text);
                         Ok(())
                     }
                 }
                 pub fn text_NN(name: String) -> aiotools::context::Manager<
                     impl aiotools::__private::Coroutine<
                         Lend = aiotools::context::Mut<String>, Resume = aiotools::Exit,
                         Future = impl Future<Output = std::io::Result<()>> + Send + 'static,
                     >,
                 > {
                     aiotools::AsyncContextManager::manager(Text_NN { text: name })
                 }",
            ),
            (
                EXPANDED,
                "pub fn text_NN(name: String) -> aiotools::__private::Manager<
                     impl aiotools::__private::Coroutine<
                         Lend = aiotools::__private::Mut<String>, Resume = aiotools::Exit,
                         Future = impl Future<Output = std::io::Result<()>> + Send + 'static,
                     >,
                 > {
                     <aiotools::__private::Manager<_>>::shared(
                         aiotools::__private::Spec::new(const { &aiotools::__private::About::new(\"text\") }),
                         aiotools::__private::Body::new(
                             move |point: aiotools::__private::YieldPoint<
                                 aiotools::__private::Mut<String>, aiotools::Exit,
                             >| {
                                 let point = unsafe { point.lender() };
                                 async move {
                                     let mut text = String::from_utf8(name.into_bytes())
                                         .map_err(std::io::Error::other)?;
                                     point.lend(&mut text).await;
                                     drop(text);
                                     Ok(())
                                 }
                             },
                         ),
                     )
                 }",
            ),
        ],
    },
    Case {
        name: "timers",
        forms: &[
            (
                ANNOTATED,
                "#[aiotools::timer(interval = \"1s\")]
                 pub async fn tick_NN(text: String) {
                     drop(text);
                 }",
            ),
            (
                BY_HAND,
                "pub fn tick_NN(text: String) -> aiotools::Timer {
                     aiotools::create_timer(
                         move |_interval| {
                             let text = text.clone();
                             async move { drop(text) }
                         },
                         std::time::Duration::from_secs(1),
                         aiotools::TimerDelayPolicy::Accumulate,
                     )
                 }",
            ),
        ],
    },
];

fn main() {
    let folder = std::env::temp_dir().join(format!("aiotools-bench-macros-{}", std::process::id()));
    fs::create_dir_all(&folder).expect("a scratch folder");
    let rustc = Rustc::new();
    for case in &CASES {
        for build in [true, false] {
            compare(&rustc, &folder, case, build);
        }
    }
    fs::remove_dir_all(&folder).expect("the scratch folder goes");
}

fn compare(rustc: &Rustc, folder: &Path, case: &Case, build: bool) {
    let sources: Vec<_> = case
        .forms
        .iter()
        .map(|(form, text)| {
            let path = folder.join(format!("{}.rs", form.replace([' ', ','], "_")));
            fs::write(&path, source(text)).expect("a scratch file");
            (form, path)
        })
        .collect();
    let [mut user, mut wall] = [(); 2].map(|()| Samples::default());
    let rounds = setting("ROUNDS", 150) / if build { 50 } else { 15 };
    for _ in 0..rounds.max(2) {
        for (form, source) in &sources {
            let (cpu, time) = rustc.run(source, folder, build);
            user.add(form, cpu);
            wall.add(form, time);
        }
    }
    let goals = [(ANNOTATED, BY_HAND, 1.1), (ANNOTATED, EXPANDED, 1.1)];
    let how = if build { "build" } else { "check" };
    let what = format!("{how} {FUNCTIONS} {}", case.name);
    user.show(format!("{what}: user time"), "ms", &goals);
    wall.show(format!("{what}: time"), "ms", &goals);
}

fn source(function: &str) -> String {
    let mut text = "#![allow(non_camel_case_types)]\n".to_owned();
    for number in 0..FUNCTIONS {
        let _ = writeln!(text, "{}", function.replace("NN", &number.to_string()));
    }
    text
}

/// The compiler, and where the crate is that this bench was built with.
struct Rustc {
    dependencies: PathBuf,
    aiotools: PathBuf,
}

impl Rustc {
    fn new() -> Self {
        let this = std::env::current_exe().expect("a path");
        let dependencies = this.parent().expect("a folder").to_owned();
        let built = fs::read_dir(&dependencies).expect("the folder can be read");
        let aiotools = built
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(|path| {
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                name.starts_with("libaiotools-") && name.ends_with(".rlib")
            })
            .max_by_key(|path| fs::metadata(path).and_then(|data| data.modified()).ok())
            .expect("aiotools is built");
        Self {
            dependencies,
            aiotools,
        }
    }

    /// Compiles it; gives user and wall time in milliseconds.
    fn run(&self, source: &Path, folder: &Path, build: bool) -> (f64, f64) {
        let user = || {
            let usage = getrusage(UsageWho::RUSAGE_CHILDREN).expect("the times of children");
            usage.user_time().num_microseconds() as f64 / 1e3
        };
        let (before, start) = (user(), std::time::Instant::now());
        let emit = if build { "link" } else { "metadata" };
        let status = Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()))
            .args([
                "--edition=2024",
                "--cap-lints=allow",
                "--crate-name=scratch",
            ])
            .args(["--crate-type=lib", "--emit", emit])
            .arg("--extern")
            .arg(format!("aiotools={}", self.aiotools.display()))
            .arg("-L")
            .arg(format!("dependency={}", self.dependencies.display()))
            .arg("--out-dir")
            .arg(folder)
            .arg(source)
            .status();
        assert!(
            status.expect("rustc runs").success(),
            "{}",
            source.display()
        );
        (user() - before, start.elapsed().as_nanos() as f64 / 1e6)
    }
}
