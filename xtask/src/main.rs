//! End-to-end runs of the workspace: demos, training on your own text, benchmarks, gradient checks, data,
//! and continuous integration.
#![forbid(unsafe_code)]

mod args;
mod bench;
mod ci;
mod clock;
mod data;
mod demo;
mod embed;
mod fixtures;
mod generate;
mod gpt;
mod gradcheck;
mod learning;
mod report;
mod seq2seq;
mod tokenize;
mod train;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Whatever ended a command; its message is printed.
type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Train and run language models on a CPU.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", version, after_help = EXAMPLES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
Examples:
  cargo xtask demo                          the story so far, in two minutes
  cargo xtask demo gpt --lang zh            a GPT on the Chinese novel
  cargo xtask train gpt my.txt              a GPT on your own text
  cargo xtask generate --prompt 'Once'      text from the model trained last
  cargo xtask embed train my.txt --out v.bin  word vectors of your own text
  cargo xtask gradcheck                     every gradient against finite differences
  cargo xtask bench gpt --json              training steps, one JSON object per line";

#[derive(Subcommand)]
enum Command {
    Demo(demo::Demo),
    #[command(subcommand)]
    Train(train::Train),
    Generate(generate::Generate),
    Tokenize(tokenize::Tokenize),
    #[command(subcommand)]
    Embed(embed::Embed),
    Gradcheck(gradcheck::Gradcheck),
    Bench(bench::Bench),
    Data(data::DataCommand),
    Ci(ci::Ci),
    Fixtures(fixtures::Fixtures),
}

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Demo(demo) => demo.run(),
        Command::Train(train) => train.run(),
        Command::Generate(generate) => generate.run(),
        Command::Tokenize(tokenize) => tokenize.run(),
        Command::Embed(embed) => embed.run(),
        Command::Gradcheck(gradcheck) => gradcheck.run(),
        Command::Bench(bench) => bench.run(),
        Command::Data(command) => data::run(command).map_err(Into::into),
        Command::Ci(ci) => ci.run(),
        Command::Fixtures(fixtures) => fixtures.run(),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("error: {failure}");
            ExitCode::FAILURE
        }
    }
}
