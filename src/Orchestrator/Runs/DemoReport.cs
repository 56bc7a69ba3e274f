namespace Hybrid.Orchestrator.Runs;

/// <summary>One setting of a method, unlearned and attacked.</summary>
/// <param name="Method">gd or kunbr.</param>
/// <param name="RetainCoefficient">α.</param>
/// <param name="LearningRate">Lion's rate.</param>
/// <param name="Steps">Optimizer steps of unlearning.</param>
/// <param name="Forget">Accuracy on the forget questions after unlearning.</param>
/// <param name="Retain">Accuracy on the retain questions after unlearning.</param>
/// <param name="TuningAttack">A_RTT on the folds that settings are picked on.</param>
/// <param name="Blocks">The blocks that were re-inserted, round after round.</param>
/// <param name="Seconds">Seconds of unlearning.</param>
public sealed record DemoCandidate(
    string Method, double RetainCoefficient, double LearningRate, int Steps, double Forget, double Retain, double TuningAttack, IReadOnlyList<int> Blocks, double Seconds);

/// <summary>A method's picked setting, attacked on the folds that had no part in the picking.</summary>
/// <param name="Candidate">The setting.</param>
/// <param name="MetRule">Whether it kept the retain accuracy; false where no setting did and the one that kept most was taken.</param>
/// <param name="ForgetBefore">Accuracy of the taught model on the held-out questions of the reporting folds, mean over folds.</param>
/// <param name="ForgetAfter">The same after unlearning.</param>
/// <param name="AfterAttack">A_RTT on the same questions.</param>
/// <param name="Recovery">A_RTT − accuracy after unlearning.</param>
/// <param name="RecoveryRate">Recovery over what was forgotten.</param>
/// <param name="ShareChanged">Share of the parameters' elements that unlearning changed.</param>
/// <param name="AttackSeconds">Seconds of the attack on the reporting folds.</param>
public sealed record DemoRow(DemoCandidate Candidate, bool MetRule, double ForgetBefore, double ForgetAfter, double AfterAttack, double Recovery, double RecoveryRate, double ShareChanged, double AttackSeconds);

/// <summary>What the demo found.</summary>
/// <param name="ForgetBefore">Accuracy of the taught model on the forget questions.</param>
/// <param name="RetainBefore">The same on the retain questions.</param>
/// <param name="TaughtEpochs">Passes of teaching.</param>
/// <param name="TaughtSeconds">Seconds of teaching.</param>
/// <param name="Rows">A row a method.</param>
/// <param name="Candidates">Everything that was tried.</param>
public sealed record DemoReport(double ForgetBefore, double RetainBefore, int TaughtEpochs, double TaughtSeconds, IReadOnlyList<DemoRow> Rows, IReadOnlyList<DemoCandidate> Candidates);
