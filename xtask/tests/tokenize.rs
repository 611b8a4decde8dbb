//! `tokenize`, as scripts call it.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use tokenize::{ByteLevelBpeTrainer, Padding, PaddingStrategy, Pipeline};

/// A tokenizer of bytes with `<end>`, which also cuts and pads.
fn tokenizer(dir: &Path) -> PathBuf {
    let bpe = ByteLevelBpeTrainer::new(270).special_tokens(["<end>"]).train(["low lower lowest"]).unwrap();
    let padding = Padding { strategy: PaddingStrategy::Fixed(8), ..Padding::default() };
    let pipeline = Pipeline::from_json(&bpe.to_json()).unwrap().with_padding(Some(padding)).unwrap();
    let path = dir.join("tokenizer.json");
    pipeline.save(&path).unwrap();
    path
}

fn run(tokenizer: &Path, arguments: &[&str], input: &[u8]) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_xtask"))
        .args(["tokenize", "--tokenizer", tokenizer.to_str().unwrap()])
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    child.wait_with_output().unwrap()
}

#[track_caller]
fn answer(tokenizer: &Path, arguments: &[&str], input: &str) -> String {
    let output = run(tokenizer, arguments, input.as_bytes());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn lines_go_to_ids_and_back() {
    let dir = tempfile::tempdir().unwrap();
    let tokenizer = tokenizer(dir.path());
    let text = "lower\n\n 诸葛 \u{301}🙂\n";
    for form in [&[][..], &["--json"]] {
        let ids = answer(&tokenizer, form, text);
        assert_eq!(ids.lines().count(), 3);
        assert_eq!(
            answer(&tokenizer, &[form, &["--decode"]].concat(), &ids),
            match form.is_empty() {
                true => text.to_owned(),
                false => "\"lower\"\n\"\"\n\" 诸葛 \u{301}🙂\"\n".to_owned(),
            }
        );
    }
    // Files of Windows give what others give.
    assert_eq!(answer(&tokenizer, &["-"], "lower\r\nlow"), answer(&tokenizer, &[], "lower\nlow\n"));
}

#[test]
fn a_line_stays_a_line() {
    let dir = tempfile::tempdir().unwrap();
    let tokenizer = tokenizer(dir.path());
    let newline = Pipeline::from_file(&tokenizer).unwrap().encode_ids("a\nb", false).unwrap();
    let ids = newline.iter().map(u32::to_string).collect::<Vec<_>>().join(" ");
    assert_eq!(answer(&tokenizer, &["--decode"], &ids), "a\\nb\n");
    let json = format!("{newline:?}");
    assert_eq!(answer(&tokenizer, &["--decode", "--json"], &json), "\"a\\nb\"\n");
}

#[test]
fn pieces_and_offsets() {
    let dir = tempfile::tempdir().unwrap();
    let tokenizer = tokenizer(dir.path());
    assert_eq!(answer(&tokenizer, &["--pieces", "--offsets"], "low lower"), "low:0-3 Ġlower:3-9\n");
    assert_eq!(
        answer(&tokenizer, &["--pieces", "--offsets", "--json"], "low lower"),
        "[[\"low\",0,3],[\"Ġlower\",3,9]]\n"
    );
}

#[test]
fn specials_and_limits_as_asked() {
    let dir = tempfile::tempdir().unwrap();
    let tokenizer = tokenizer(dir.path());
    let pieces = |more: &[&str]| answer(&tokenizer, &[&["--pieces"], more].concat(), "low<end>");
    assert_eq!(pieces(&[]), "low <end>\n");
    assert_eq!(pieces(&["--specials-as-text"]), "low < e n d >\n");
    assert_eq!(pieces(&["--limits"]).split_whitespace().count(), 8);
}

#[test]
fn faults_have_a_place() {
    let dir = tempfile::tempdir().unwrap();
    let tokenizer = tokenizer(dir.path());
    for (arguments, input, said) in [
        (&["--decode"][..], &b"1\nx"[..], "standard input: line 2: `x` is not a token id"),
        (&["--decode"], b"4000", "standard input: line 1: "),
        (&["--decode", "--json"], b"[1,", "standard input: line 1: an array of ids is expected"),
        (&[], b"a\n\xff", "standard input: line 2: not UTF-8 at byte 0"),
        (&["no-such-file"], b"", "no-such-file: "),
    ] {
        let output = run(&tokenizer, arguments, input);
        let text = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{text}");
        assert!(text.contains(said), "{text}");
    }
    assert_eq!(answer(&tokenizer, &["--decode", "--lossy"], "4000"), "\u{fffd}\n");
}

#[test]
fn every_kind_of_file_is_taken() {
    let model =
        concat!(env!("CARGO_MANIFEST_DIR"), "/../fixtures/goldens/tokenize_sentencepiece/unigram.model");
    let model = Path::new(model);
    let ids = answer(model, &[], "hello world\n");
    assert_eq!(answer(model, &["--decode"], &ids), "hello world\n");
    assert!(answer(model, &["--pieces", "--offsets"], "hello world").starts_with('▁'));

    let dir = tempfile::tempdir().unwrap();
    let bpe =
        ByteLevelBpeTrainer::new(270).special_tokens(["<|endoftext|>"]).train(["low lower lowest"]).unwrap();
    bpe.save_vocab_and_merges(dir.path().join("vocab.json"), dir.path().join("merges.txt")).unwrap();
    assert_eq!(answer(dir.path(), &["--pieces"], "lower low"), "low e r Ġlow\n");

    let output = run(&dir.path().join("vocab.json"), &[], b"");
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(text.contains("give the folder that has its merges too"), "{text}");
}
