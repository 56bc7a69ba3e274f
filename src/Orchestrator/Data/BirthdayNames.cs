namespace Hybrid.Orchestrator.Data;

/// <summary>Given and family names from which people are invented. Any resemblance to a person living or dead is chance.</summary>
internal static class BirthdayNames
{
    /// <summary>How many people can be invented: every pair of a given and a family name once.</summary>
    public static int Capacity => Given.Length * Family.Length;

    /// <summary>One hundred given names.</summary>
    public static readonly string[] Given = Split(
        """
        Ada Adrian Agnes Ahmed Aiko Alma Amara Anders Anneke Anton
        Arjun Astrid Aurora Basil Beatrix Bela Bruno Camille Carmen Cedric
        Chiara Clara Cyrus Dafne Dalia Damian Daria Desmond Diego Dmitri
        Edith Eero Elif Elio Emeka Esme Eva Farid Felix Fiona
        Frida Gabor Gemma Gideon Greta Hana Harun Hedda Henrik Hugo
        Ida Ilse Imran Ines Ingrid Isolde Ivo Jana Jasper José
        Joana Kaito Karim Katya Kenji Kofi Lara Leif Lena Leon
        Lidia Linus Lucía Magnus Maja Marek Mina Miriam Nadia Nils
        Noor Odette Olga Omar Oskar Paloma Petra Quentin Rafael Renée
        Rosa Samir Selma Søren Tamar Theo Ursula Viggo Wanda Zoë
        """);

    /// <summary>One hundred family names.</summary>
    public static readonly string[] Family = Split(
        """
        Abara Achterberg Adeyemi Aguilar Ahlgren Almeida Amsel Andersson Aoki Arden
        Bakker Balogh Barros Bauer Bell Benedek Berg Blanc Bose Brandt
        Calder Campos Carvalho Castell Chandra Chen Cooper Costa Crane Dahl
        Dalca Daniels Dekker Diaz Dorn Dubois Duarte Eklund Eriksen Farrow
        Fekete Ferrari Fischer Fontaine Fuchs Garrick Glover Goldberg Gomez Grant
        Hadley Haddad Hansen Harlow Hayashi Holm Horvath Ibarra Ito Ivanov
        Jansen Jensen Kamau Kaplan Keller Khan Klein Kowalski Kraus Lang
        Larsen Laurent Lehto Lindgren Lopes Maier Marsh Mendes Moreau Mori
        Nagy Navarro Novak Okafor Olsen Ortega Palmer Parata Petrov Quist
        Ramos Rossi Sato Schäfer Silva Soto Tanaka Varga Weber Zieliński
        """);

    /// <summary>Draws distinct full names in random order, at most <see cref="Capacity"/>.</summary>
    public static string[] Draw(int count, SeededRandom random)
    {
        string[] names = [.. Given.SelectMany(given => Family.Select(family => $"{given} {family}"))];
        random.Shuffle(names);
        return names[..count];
    }

    private static string[] Split(string names) =>
        names.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
}
