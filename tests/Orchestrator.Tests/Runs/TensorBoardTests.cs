using System.Buffers.Binary;
using System.Text;
using Hybrid.Orchestrator.Runs;
using Hybrid.Orchestrator.Training;
using Hybrid.TestSupport;
using Xunit;

namespace Hybrid.Orchestrator.Tests.Runs;

public sealed class TensorBoardTests : IDisposable
{
    private static readonly DateTimeOffset Noon = new(2025, 6, 1, 12, 0, 0, 250, TimeSpan.Zero);

    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData("", 0u)]
    [InlineData("123456789", 0xE3069283u)]
    [InlineData("a", 0xC1D04330u)]
    public void ChecksumsAreCastagnolis(string text, uint expected) => Assert.Equal(expected, TfRecord.Crc32C(Encoding.ASCII.GetBytes(text)));

    [Fact]
    public void ChecksumsOfTheInternetStandard()
    {
        // RFC 3720, B.4: 32 zeros, 32 ones, 0 … 31.
        Assert.Equal(0x8A9136AAu, TfRecord.Crc32C(new byte[32]));
        Assert.Equal(0x62A8AB43u, TfRecord.Crc32C([.. Enumerable.Repeat((byte)0xFF, 32)]));
        Assert.Equal(0x46DD794Eu, TfRecord.Crc32C([.. Enumerable.Range(0, 32).Select(i => (byte)i)]));
    }

    [Fact]
    public void TheMaskByHand()
    {
        // 0xE3069283 turned right by 15 bits is 0x2507C60D; and 0xA282EAD8.
        Assert.Equal(0xC78AB0E5u, TfRecord.MaskedCrc32C("123456789"u8));
    }

    [Fact]
    public void AFileIsReadBack()
    {
        string path;
        using (var writer = new TensorBoardWriter(folder.File("a/b"), new FixedClock(Noon)))
        {
            path = writer.FilePath;
            writer.Write(1, ("teach/loss", 1.5f), ("teach/größe", -0.1f));
            writer.Write(300, ("teach/loss", float.NaN));

            // Every record is on disk at once.
            Assert.Equal(3, Events(path).Count);
        }

        Assert.Equal(folder.File($"a/b/events.out.tfevents.1748779200.{Environment.MachineName}"), path);
        List<Event> events = Events(path);
        Assert.All(events, read => Assert.Equal(1748779200.25, read.WallTime));
        Assert.Equal(["brain.Event:2", null, null], events.Select(read => read.FileVersion));
        Assert.Equal([0, 1, 300], events.Select(read => read.Step));
        Assert.Empty(events[0].Scalars);
        Assert.Equal([("teach/loss", 1.5f), ("teach/größe", -0.1f)], events[1].Scalars);
        Assert.Equal([("teach/loss", float.NaN)], events[2].Scalars);
    }

    [Fact]
    public void ProgressIsWrittenByStageAndPassedOn()
    {
        var heard = new List<TrainingProgress>();
        TrainingProgress[] steps = [new("unlearn", 1, 2, -1.25, 3, 0.5), new("unlearn", 2, 2, -1.5, 3.25, null), new("re-insert block 3", 1, 9, 0.75)];
        using var writer = new TensorBoardWriter(folder.Path);
        var progress = new TensorBoardProgress(writer, new SynchronousProgress<TrainingProgress>(heard.Add));
        foreach (TrainingProgress step in steps)
        {
            progress.Report(step);
        }

        writer.Dispose();
        progress.Report(steps[0]); // after the end: passed on, not written

        Assert.Equal([.. steps, steps[0]], heard);
        List<Event> events = Events(writer.FilePath);
        Assert.Equal([0, 1, 2, 1], events.Select(read => read.Step));
        Assert.Equal([("unlearn/loss", -1.25f), ("unlearn/forget-nll", 3), ("unlearn/retain-nll", 0.5f)], events[1].Scalars);
        Assert.Equal([("unlearn/loss", -1.5f), ("unlearn/forget-nll", 3.25f)], events[2].Scalars);
        Assert.Equal([("re-insert block 3/loss", 0.75f)], events[3].Scalars);
        Assert.InRange(events[1].WallTime, events[0].WallTime, events[3].WallTime);
    }

    [Fact]
    public void TwoFilesOfOneSecondAreTwoFiles()
    {
        using var one = new TensorBoardWriter(folder.Path, new FixedClock(Noon));
        using var two = new TensorBoardWriter(folder.Path, new FixedClock(Noon));
        two.Write(1, ("x", 1));

        Assert.Equal(one.FilePath + ".1", two.FilePath);
        Assert.Equal([1, 2], new[] { one, two }.Select(writer => Events(writer.FilePath).Count));
    }

    [Fact]
    public void SeveralThreadsDoNotMixTheirRecords()
    {
        using var writer = new TensorBoardWriter(folder.Path);
        Thread[] threads = [.. Enumerable.Range(0, 4).Select(thread => new Thread(() =>
        {
            for (int step = 1; step <= 50; step++)
            {
                writer.Write(step, ($"job {thread}", step));
            }
        }))];
        Array.ForEach(threads, thread => thread.Start());
        Array.ForEach(threads, thread => thread.Join());

        List<Event> events = Events(writer.FilePath);
        Assert.Equal(201, events.Count);
        Assert.All(Enumerable.Range(0, 4), thread =>
            Assert.Equal(Enumerable.Range(1, 50).Select(step => (long)step), events.Where(read => read.Scalars.Any(scalar => scalar.Tag == $"job {thread}")).Select(read => read.Step)));
    }

    [Fact]
    public void AFolderThatCannotBeMadeIsNamed()
    {
        File.WriteAllText(folder.File("x"), string.Empty);

        HybridException error = Assert.Throws<HybridException>(() => new TensorBoardWriter(folder.File("x")));

        Assert.Equal(ErrorKind.Io, error.Kind);
        Assert.StartsWith(folder.File("x"), error.Message, StringComparison.Ordinal);
    }

    [PythonModuleFact("tensorboard")]
    public void TensorBoardItselfReadsTheFile()
    {
        using (var writer = new TensorBoardWriter(folder.Path))
        {
            writer.Write(7, ("teach/loss", 1.5f));
            writer.Write(8, ("teach/loss", 0.25f));
        }

        string printed = PythonModule.Run(
            "import sys; from tensorboard.backend.event_processing.event_accumulator import EventAccumulator as A\n"
            + "a = A(sys.argv[1]); a.Reload(); print([(e.step, e.value) for e in a.Scalars('teach/loss')])",
            folder.Path);

        Assert.Equal("[(7, 1.5), (8, 0.25)]", printed.Trim());
    }

    /// <summary>Reads a file of events: every length and checksum is checked, bit by bit.</summary>
    private static List<Event> Events(string path)
    {
        using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        byte[] all = new byte[stream.Length];
        stream.ReadExactly(all);
        var events = new List<Event>();
        for (int at = 0; at < all.Length;)
        {
            int length = (int)BinaryPrimitives.ReadUInt64LittleEndian(all.AsSpan(at));
            Assert.Equal(PlainMaskedCrc(all.AsSpan(at, 8)), BinaryPrimitives.ReadUInt32LittleEndian(all.AsSpan(at + 8)));
            byte[] data = all[(at + 12)..(at + 12 + length)];
            Assert.Equal(PlainMaskedCrc(data), BinaryPrimitives.ReadUInt32LittleEndian(all.AsSpan(at + 12 + length)));
            events.Add(ReadEvent(data));
            at += 12 + length + 4;
        }

        return events;
    }

    private static uint PlainMaskedCrc(ReadOnlySpan<byte> data)
    {
        uint crc = 0xFFFFFFFF;
        foreach (byte octet in data)
        {
            crc ^= octet;
            for (int bit = 0; bit < 8; bit++)
            {
                crc = (crc & 1) != 0 ? (crc >> 1) ^ 0x82F63B78 : crc >> 1;
            }
        }

        crc = ~crc;
        return ((crc >> 15) | (crc << 17)) + 0xA282EAD8;
    }

    private static Event ReadEvent(byte[] data)
    {
        double time = 0;
        long step = 0;
        string? version = null;
        var scalars = new List<(string, float)>();
        foreach ((int field, object value) in Fields(data))
        {
            switch (field)
            {
                case 1:
                    time = BitConverter.UInt64BitsToDouble((ulong)value);
                    break;
                case 2:
                    step = (long)(ulong)value;
                    break;
                case 3:
                    version = Encoding.UTF8.GetString((byte[])value);
                    break;
                default:
                    Assert.Equal(5, field);
                    foreach ((int inner, object scalar) in Fields((byte[])value))
                    {
                        Assert.Equal(1, inner);
                        (int Field, object Value)[] parts = [.. Fields((byte[])scalar)];
                        Assert.Equal([1, 2], parts.Select(part => part.Field));
                        scalars.Add((Encoding.UTF8.GetString((byte[])parts[0].Value), BitConverter.UInt32BitsToSingle((uint)parts[1].Value)));
                    }

                    break;
            }
        }

        return new Event(time, step, version, scalars);
    }

    /// <summary>The fields of a protocol buffer: ulong for a varint or 64 bits, uint for 32 bits, byte[] for what has a length.</summary>
    private static IEnumerable<(int Field, object Value)> Fields(byte[] data)
    {
        for (int at = 0; at < data.Length;)
        {
            ulong key = Varint();
            object value;
            switch (key & 7)
            {
                case 0:
                    value = Varint();
                    break;
                case 1:
                    value = BinaryPrimitives.ReadUInt64LittleEndian(data.AsSpan(at));
                    at += 8;
                    break;
                case 2:
                    int length = (int)Varint();
                    value = data[at..(at + length)];
                    at += length;
                    break;
                default:
                    Assert.Equal(5ul, key & 7);
                    value = BinaryPrimitives.ReadUInt32LittleEndian(data.AsSpan(at));
                    at += 4;
                    break;
            }

            yield return ((int)(key >> 3), value);

            ulong Varint()
            {
                ulong result = 0;
                for (int shift = 0; ; shift += 7)
                {
                    byte octet = data[at++];
                    result |= (ulong)(octet & 0x7F) << shift;
                    if (octet < 0x80)
                    {
                        return result;
                    }
                }
            }
        }
    }

    private sealed record Event(double WallTime, long Step, string? FileVersion, IReadOnlyList<(string Tag, float Value)> Scalars);

    private sealed class FixedClock(DateTimeOffset now) : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => now;
    }
}
