using System.Text.Json.Nodes;
using Hybrid.Interop;
using Hybrid.Orchestrator;
using Hybrid.Orchestrator.Evaluation;
using Hybrid.Orchestrator.Model;
using Hybrid.Orchestrator.Training;
using Hybrid.Orchestrator.Unlearning;

namespace Hybrid.Benchmarks.Llama;

/// <summary>
/// Our side of the comparison in a process of its own, so that its memory is free when it ends. It answers what peer_llama.py answers: {"op": …} a line
/// in, {"seconds": …, "values": […]} a line out.
/// </summary>
internal sealed class LlamaWorker(Device device) : IDisposable
{
    private LlamaWork? work;
    private LlamaModel? model;
    private LlamaTraining? training;
    private MemoryMeter? meter;

    /// <summary>Answers until the input ends.</summary>
    public void Serve(TextReader input, TextWriter output)
    {
        while (input.ReadLine() is { } line)
        {
            JsonObject answer;
            try
            {
                answer = Answer(JsonNode.Parse(line)!.AsObject());
            }
            catch (Exception error) when (error is HybridException or NativeException or ArgumentException or InvalidOperationException)
            {
                answer = new JsonObject { ["error"] = error.Message.ReplaceLineEndings(" ") };
            }

            output.WriteLine(answer.ToJsonString());
            output.Flush();
        }
    }

    public void Dispose()
    {
        training?.Dispose();
        model?.Dispose();
        meter?.Dispose();
    }

    private LlamaModel Model => model ?? throw new InvalidOperationException("nothing is loaded");

    private LlamaWork Work => work ?? throw new InvalidOperationException("nothing is loaded");

    private JsonObject Answer(JsonObject request)
    {
        int Int(string name) => request[name]!.GetValue<int>();
        string Text(string name) => request[name]!.GetValue<string>();
        return Text("op") switch
        {
            "versions" => new JsonObject { ["library"] = Runtime.BuildInfo, ["device_bytes"] = Runtime.Memory(device).Total },
            "load" => Load(Text("folder"), Int("layers"), Enum.Parse<ElementType>(Text("dtype"), ignoreCase: true)),
            "train" => Train(request, Int("repeats")),
            "forward" => Timed(Int("repeats"), () => Forward(Int("last"), Int("batch"))),
            "evaluate" => Timed(Int("repeats"), () => Evaluate(Int("batch"))),
            "memory" => Memory(),
            "last_good" => Timed(1, KeepLastGood),
            "density" => Timed(1, () => KnowledgeDensity.Measure(Model, LlamaWork.Take(Work.Forget, Int("examples")), mlpOnly: false, Int("batch"))),
            "generate" => Timed(1, Generate(Int("batch"), Int("new_tokens"))),
            "multiply" => Multiply(Int("rows"), Int("outs"), Int("ins"), Enum.Parse<ElementType>(Text("dtype"), ignoreCase: true), Int("repeats")),
            "copy" => Copy(Int("elements"), Int("repeats")),
            var other => throw new InvalidOperationException($"no op is named '{other}'"),
        };
    }

    private JsonObject Load(string folder, int layers, ElementType type)
    {
        training?.Dispose();
        model?.Dispose();
        training = null;
        meter?.Dispose();
        meter = MemoryMeter.Start();
        work = LlamaWork.Load(folder);
        model = LlamaWeights.Make(work.ModelConfig(layers), work.Stride, LlamaWork.LoadBlock(folder), type, device);
        meter.RestartPeak(); // making the weights needs more than having them
        return [];
    }

    /// <summary>The most bytes of tensors since the weights were loaded; ends the counting.</summary>
    private JsonObject Memory()
    {
        using MemoryMeter ended = meter ?? throw new InvalidOperationException("nothing was loaded since memory was last asked for");
        meter = null;
        return new JsonObject { ["bytes"] = ended.Peak(device) };
    }

    private JsonObject Train(JsonObject request, int repeats)
    {
        var asked = new LlamaTrainingRequest(
            request["first"]!.GetValue<int>(),
            request["last"]!.GetValue<int>(),
            request["loss"]!.GetValue<string>() == "difference",
            request["kept"]?.GetValue<bool>() ?? false,
            request["checkpointing"]!.GetValue<bool>(),
            request["batch"]!.GetValue<int>(),
            request["alpha"]!.GetValue<double>(),
            request["rate"]!.GetValue<double>());
        if (training?.Request != asked)
        {
            training?.Dispose();
            training = new LlamaTraining(Model, Work, asked);
        }

        return Timed(repeats, training.Step);
    }

    /// <summary>The frozen layers of a gradient difference batch, as they are computed once a run.</summary>
    private double[] Forward(int last, int batchSize)
    {
        using TensorScope scope = TensorScope.Begin();
        using GradMode off = GradMode.Off();
        var batch = new PackedBatch([.. LlamaWork.Take(Work.Forget, batchSize), .. LlamaWork.Take(Work.Retain, batchSize)]);
        Model.RunLayers(Model.Embed(batch), batch, 0, last);
        return [];
    }

    /// <summary>Questions as McqEvaluator asks them.</summary>
    private double[] Evaluate(int batchSize)
    {
        using TensorScope scope = TensorScope.Begin();
        using GradMode off = GradMode.Off();
        var batch = new PackedBatch(LlamaWork.Take(Work.Questions, batchSize));
        Tensor last = Model.Normalize(Model.HiddenStates(batch).Select(0, batch.LastRows()));
        return last.MatMul(Model.Head.Select(0, [0, 1, 2, 3]), transposeOther: true).ToDoubles();
    }

    /// <summary>A new copy of the trainable parameters on the host, as each stage of training makes at its start; later passes write over it.</summary>
    private double[] KeepLastGood()
    {
        using var kept = new LastGoodState(Model);
        return [];
    }

    private Func<double[]> Generate(int batch, int newTokens)
    {
        var decoding = new DecodingOptions { MaximumNewTokens = newTokens, StopTexts = [], BatchSize = batch };
        var generator = new Generator(MadeUpTokenizer.Make(Model.Config.VocabularySize), decoding, SamplingOptions.Greedy);
        TokenSequence[] prompts = LlamaWork.Take(Work.Prompts, batch);
        return () => [.. generator.Generate(Model, prompts).SelectMany(completion => completion.Tokens).Select(token => (double)token)];
    }

    private JsonObject Multiply(int rows, int outs, int ins, ElementType type, int repeats)
    {
        using TensorScope scope = TensorScope.Begin();
        using GradMode off = GradMode.Off();
        var random = new SeededRandom(2);
        Tensor x = Random(rows), weight = Random(outs);
        Product();
        return Timed(repeats, Product);

        double[] Product()
        {
            using Tensor product = Transformer.Linear(x, weight);
            return [];
        }

        // One row of random numbers, and every row another part of it: what is multiplied must not be zeros, which cost a GPU less.
        Tensor Random(int height)
        {
            float[] numbers = [.. Enumerable.Range(0, ins + height).Select(_ => (float)random.NextGaussian())];
            Tensor all = Tensor.From<float>(numbers).To(type, device), matrix = Tensor.Zeros([height, ins], type, device);
            for (int row = 0; row < height; row++)
            {
                using Tensor from = all.Narrow(0, row, ins).Reshape(1, -1), to = matrix.Narrow(0, row, 1);
                to.CopyFrom(from);
            }

            return matrix;
        }
    }

    private JsonObject Copy(int elements, int repeats)
    {
        using TensorScope scope = TensorScope.Begin();
        Tensor from = Tensor.Zeros([elements], ElementType.Float32, device), to = Tensor.Zeros([elements], ElementType.Float32, device);
        to.CopyFrom(from);
        return Timed(repeats, () =>
        {
            to.CopyFrom(from);
            return [];
        });
    }

    /// <summary>Seconds of one of the repeats, to the end of what they started on the device, and what the first one computed.</summary>
    private JsonObject Timed(int repeats, Func<double[]> run)
    {
        double[] values = [];
        Wait();
        double seconds = Interleaved.Time(() =>
        {
            for (int i = 0; i < repeats; i++)
            {
                double[] computed = run();
                values = i == 0 ? computed : values;
            }

            Wait();
        });
        return new JsonObject { ["seconds"] = seconds / repeats, ["values"] = new JsonArray([.. values.Select(value => JsonValue.Create(value))]) };
    }

    /// <summary>A copy to the host comes after everything that was started on the device before.</summary>
    private void Wait()
    {
        if (device != Device.Cpu)
        {
            using Tensor mark = Tensor.Zeros([1], ElementType.Float32, device);
            mark.ToDoubles();
        }
    }
}
