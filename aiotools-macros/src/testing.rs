//! What the snapshot tests share, and the test that every message is shown by a UI case.

use std::fs;
use std::path::{Path, PathBuf};

use proc_macro2::TokenStream;
use syn::visit::{self, Visit};

/// The expansion, laid out. Errors show as `compile_error!`.
pub(crate) fn pretty(expansion: &TokenStream) -> String {
    match syn::parse2(expansion.clone()) {
        Ok(file) => prettyplease::unparse(&file),
        Err(error) => panic!("not a file: {error}\n{expansion}"),
    }
}

/// Declares snapshot tests of an attribute: `name(arguments) { item } => "snapshots/name.rs"`.
macro_rules! snapshots {
    ($attribute:path: $($name:ident($($args:tt)*) { $($item:tt)* })*) => {$(
        #[test]
        fn $name() {
            let expansion = $attribute(quote::quote!($($args)*), &quote::quote!($($item)*));
            expect_test::expect_file![concat!("snapshots/", stringify!($name), ".rs")]
                .assert_eq(&crate::testing::pretty(&expansion));
        }
    )*};
}
pub(crate) use snapshots;

fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() && !path.ends_with("snapshots") {
            found.extend(files(&path, extension));
        } else if path.extension().is_some_and(|found| found == extension) {
            found.push(path);
        }
    }
    found
}

/// Collects the text in code that reads as a message: what has a space in it.
#[derive(Default)]
struct Messages(Vec<String>);

impl Messages {
    fn add(&mut self, text: String) {
        if text.contains(' ') {
            self.0.push(text);
        }
    }
}

impl Visit<'_> for Messages {
    fn visit_lit_str(&mut self, lit: &syn::LitStr) {
        self.add(lit.value());
    }

    fn visit_macro(&mut self, mac: &syn::Macro) {
        // Of these, `format!` makes messages; the others make code, or panics.
        if mac.path.is_ident("format") {
            for token in mac.tokens.clone() {
                if let Ok(lit) = syn::parse2::<syn::LitStr>(token.into()) {
                    self.add(lit.value());
                }
            }
        }
    }

    fn visit_attribute(&mut self, _: &syn::Attribute) {}

    fn visit_expr_method_call(&mut self, call: &syn::ExprMethodCall) {
        if call.method != "expect" {
            visit::visit_expr_method_call(self, call);
        }
    }
}

/// Whether `line` is `message` with something in the place of each `{..}`.
fn shows(line: &str, message: &str) -> bool {
    let mut rest = line;
    for (n, piece) in message.split('{').enumerate() {
        let piece = match piece.split_once('}') {
            Some((_, behind)) if n > 0 => behind,
            _ => piece,
        };
        match rest.find(piece) {
            Some(at) => rest = &rest[at + piece.len()..],
            None => return false,
        }
    }
    true
}

#[test]
fn every_message_is_in_a_ui_case() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let cases = here.join("../ui-tests/cases");
    if !cases.exists() {
        return; // packaged without them
    }
    let shown: Vec<String> = files(&cases, "stderr")
        .iter()
        .map(|path| fs::read_to_string(path).expect("a file"))
        .collect();
    let mut missing = Vec::new();
    for path in files(&here.join("src"), "rs") {
        let is_test = ["testing.rs", "tests.rs"]
            .iter()
            .any(|name| path.ends_with(name));
        // The stand-ins are for builds without the feature; they have a snapshot of their own.
        if is_test || path.ends_with("unavailable.rs") {
            continue;
        }
        let source = fs::read_to_string(&path).expect("a file");
        let mut messages = Messages::default();
        messages.visit_file(&syn::parse_file(&source).expect("Rust"));
        for message in messages.0 {
            if !shown
                .iter()
                .flat_map(|text| text.lines())
                .any(|line| shows(line, &message))
            {
                missing.push(format!("{}: {message}", path.display()));
            }
        }
    }
    assert!(
        missing.is_empty(),
        "no UI case shows:\n{}",
        missing.join("\n")
    );
}
