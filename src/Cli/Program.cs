using System.Runtime.InteropServices;
using Hybrid.Cli;

// A file that grows beyond what the user may write (ulimit -f) is an error of that write, as a full disk is; unheeded, the signal ends the process.
const int FileSizeExceeded = 25; // SIGXFSZ
using PosixSignalRegistration heeded = PosixSignalRegistration.Create((PosixSignal)FileSizeExceeded, signal => signal.Cancel = true);
return await CommandLine.RunAsync(args, Console.Out, Console.Error);
