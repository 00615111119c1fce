"""Twenty small edits of code: repeat this with one change."""

from dataclasses import dataclass

from app.engine.protocol import Part

FENCE = "```"
"""Ends the answer."""


@dataclass(frozen=True, slots=True)
class CodeEdit:
    """A change to make to some code."""

    change: str
    code: str

    def prompt(self) -> list[Part]:
        """The question in the starter model's own format. The answer's fence is open already, so that even a
        small model writes code at once."""
        question = (
            f"{self.change} Repeat the whole code with this change and nothing else.\n\n"
            f"```python\n{self.code.strip()}\n```"
        )
        return [
            Part("<|im_start|>user\n", special=True),
            Part(question),
            Part("<|im_end|>\n<|im_start|>assistant\n```python\n", special=True),
        ]


CODE_EDITS = [
    CodeEdit(
        "Rename the argument `tax` to `rate`.",
        '''
def total(items, tax):
    """Sum of the prices with tax."""
    result = 0
    for item in items:
        if item.price > 0:
            result += item.price * item.count
        else:
            print("skipped", item.name)
    return result * (1 + tax)
''',
    ),
    CodeEdit(
        "Return None when the list is empty.",
        '''
def largest(numbers):
    """The largest of some numbers and where it stands."""
    best = numbers[0]
    place = 0
    for index, number in enumerate(numbers):
        if number > best:
            best = number
            place = index
    return best, place
''',
    ),
    CodeEdit(
        "Change the default port to 9000.",
        '''
class Server:
    """Listens on a port and counts its visitors."""

    def __init__(self, host="localhost", port=8080):
        self.host = host
        self.port = port
        self.visitors = 0

    def address(self):
        return f"http://{self.host}:{self.port}"

    def visit(self, name):
        self.visitors += 1
        print("visitor", self.visitors, name)
''',
    ),
    CodeEdit(
        "Add a docstring to the function.",
        """
def read_config(path):
    settings = {}
    with open(path) as file:
        for line in file:
            line = line.strip()
            if not line or line.startswith("#"):
                continue
            name, value = line.split("=", 1)
            settings[name.strip()] = value.strip()
    return settings
""",
    ),
    CodeEdit(
        "Use a set in place of the list `seen`.",
        '''
def unique(words):
    """The words without repetitions, in their order."""
    seen = []
    result = []
    for word in words:
        key = word.lower()
        if key not in seen:
            seen.append(key)
            result.append(word)
    return result
''',
    ),
    CodeEdit(
        "Rename the class to `Account`.",
        '''
class BankAccount:
    """Money of one customer."""

    def __init__(self, owner, balance=0):
        self.owner = owner
        self.balance = balance

    def deposit(self, amount):
        if amount <= 0:
            raise ValueError("the amount must be positive")
        self.balance += amount
        return self.balance

    def withdraw(self, amount):
        if amount > self.balance:
            raise ValueError("there is not enough money")
        self.balance -= amount
        return self.balance
''',
    ),
    CodeEdit(
        "Sort in descending order.",
        '''
def ranking(players):
    """The names of the players by their points."""
    by_points = sorted(players, key=lambda player: player.points)
    lines = []
    for place, player in enumerate(by_points, start=1):
        lines.append(f"{place}. {player.name}: {player.points}")
    return "\\n".join(lines)
''',
    ),
    CodeEdit(
        "Print the sum at the end as well.",
        '''
def report(sales):
    """Print the sales of every month."""
    total = 0
    for month, amount in sales.items():
        total += amount
        print(f"{month}: {amount:.2f}")
    average = total / len(sales)
    print(f"average: {average:.2f}")
''',
    ),
    CodeEdit(
        "Replace the magic number 86400 by a constant SECONDS_PER_DAY.",
        '''
def split_seconds(seconds):
    """Days, hours, minutes and seconds."""
    days = seconds // 86400
    seconds = seconds % 86400
    hours = seconds // 3600
    seconds = seconds % 3600
    minutes = seconds // 60
    seconds = seconds % 60
    return days, hours, minutes, seconds
''',
    ),
    CodeEdit(
        "Ignore case when comparing.",
        '''
def count_word(text, word):
    """Count a word in a text."""
    count = 0
    for found in text.split():
        stripped = found.strip(".,;:!?")
        if stripped == word:
            count += 1
    return count
''',
    ),
    CodeEdit(
        "Add a parameter `separator` with the default of a comma.",
        '''
def to_csv(rows):
    """Rows of values as lines of text."""
    lines = []
    for row in rows:
        cells = []
        for value in row:
            text = str(value).replace('"', '""')
            cells.append(f'"{text}"')
        lines.append(",".join(cells))
    return "\\n".join(lines)
''',
    ),
    CodeEdit(
        "Raise a KeyError when the item is not in the stock.",
        '''
class Stock:
    """Counts of items in a shop."""

    def __init__(self):
        self.items = {}

    def add(self, name, count=1):
        self.items[name] = self.items.get(name, 0) + count

    def remove(self, name, count=1):
        left = self.items.get(name, 0) - count
        if left > 0:
            self.items[name] = left
        else:
            self.items.pop(name, None)
''',
    ),
    CodeEdit(
        "Use f-strings.",
        '''
def describe(person):
    """A person in one sentence."""
    name = person["name"]
    age = person["age"]
    city = person["city"]
    first = "%s is %d years old" % (name, age)
    second = "lives in %s" % city
    third = "and was born in %d" % (2024 - age)
    return first + ", " + second + " " + third + "."
''',
    ),
    CodeEdit(
        "Change the timeout from 10 to 30 seconds.",
        '''
def fetch(session, url, retries=3):
    """The body of a page, tried several times."""
    last_error = None
    for attempt in range(retries):
        try:
            response = session.get(url, timeout=10)
            if response.status_code == 200:
                return response.text
            last_error = RuntimeError(f"status {response.status_code}")
        except OSError as error:
            last_error = error
        print("attempt", attempt + 1, "failed:", last_error)
    raise last_error
''',
    ),
    CodeEdit(
        "Rename the variable `x` to `column` and `y` to `row`.",
        '''
def draw(board):
    """Print a board of characters with its borders."""
    print("+" + "-" * len(board[0]) + "+")
    for y in range(len(board)):
        line = "|"
        for x in range(len(board[y])):
            if board[y][x]:
                line += "#"
            else:
                line += " "
        print(line + "|")
    print("+" + "-" * len(board[0]) + "+")
''',
    ),
    CodeEdit(
        "Also count the letters in upper case.",
        '''
def statistics(text):
    """Counts of the kinds of characters in a text."""
    counts = {"letters": 0, "digits": 0, "spaces": 0, "others": 0}
    for character in text:
        if character.isalpha():
            counts["letters"] += 1
        elif character.isdigit():
            counts["digits"] += 1
        elif character.isspace():
            counts["spaces"] += 1
        else:
            counts["others"] += 1
    return counts
''',
    ),
    CodeEdit(
        "Add type hints.",
        '''
def moving_average(values, size):
    """The averages of each `size` neighbouring values."""
    if size <= 0:
        raise ValueError("the size must be positive")
    averages = []
    window = 0.0
    for index, value in enumerate(values):
        window += value
        if index >= size:
            window -= values[index - size]
        if index >= size - 1:
            averages.append(window / size)
    return averages
''',
    ),
    CodeEdit(
        "Close the file when an error occurs.",
        '''
def copy_lines(source, target, prefix=""):
    """Copy the lines of a file that begin with a prefix."""
    copied = 0
    reader = open(source)
    writer = open(target, "w")
    for line in reader:
        if line.startswith(prefix):
            writer.write(line)
            copied += 1
    reader.close()
    writer.close()
    return copied
''',
    ),
    CodeEdit(
        "Make the game end after 7 wrong guesses in place of 5.",
        '''
def play(word, guesses):
    """Play hangman; True when the word was found."""
    found = set()
    wrong = 0
    for guess in guesses:
        if guess in word:
            found.add(guess)
            print("yes,", guess, "is in the word")
        else:
            wrong += 1
            print("no,", guess, "is not in the word")
        if wrong == 5:
            return False
        if found == set(word):
            return True
    return False
''',
    ),
    CodeEdit(
        "Add a method `area` that multiplies width and height.",
        '''
class Rectangle:
    """A rectangle with its place on the plane."""

    def __init__(self, left, top, width, height):
        self.left = left
        self.top = top
        self.width = width
        self.height = height

    def right(self):
        return self.left + self.width

    def bottom(self):
        return self.top + self.height

    def contains(self, x, y):
        return self.left <= x < self.right() and self.top <= y < self.bottom()
''',
    ),
]
