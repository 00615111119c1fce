/* Stands in for Stillroom's bundle where there is no Windows to make one: only the installer is tried with it.
   Without arguments it opens a window that a polite WM_CLOSE ends (STAND_IN_STAYS makes it refuse), else it
   says what it is and which version, where the files that it was made with (CONTENTS, beside it) are those of its
   version. Nothing of Stillroom is in it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <windows.h>

static LRESULT CALLBACK on_message(HWND window, UINT message, WPARAM w, LPARAM l) {
    if (message == WM_CLOSE && getenv("STAND_IN_STAYS")) return 0;
    if (message == WM_DESTROY) PostQuitMessage(0);
    return DefWindowProcA(window, message, w, l);
}

int main(int count, char **arguments) {
    if (count > 1 && strcmp(arguments[1], "--version") == 0) {
        char place[MAX_PATH], found[32] = "";
        GetModuleFileNameA(NULL, place, sizeof place);
        strcpy(strrchr(place, '\\') + 1, CONTENTS "\\version");
        FILE *file = fopen(place, "r");
        if (!file || !fgets(found, sizeof found, file) || strcmp(found, VERSION) != 0) return 1;
        printf("stand-in for stillroom " VERSION "\n");
        return 0;
    }
    WNDCLASSA kind = {0};
    kind.lpfnWndProc = on_message;
    kind.lpszClassName = "StillroomStandIn";
    kind.hInstance = GetModuleHandleA(NULL);
    RegisterClassA(&kind);
    CreateWindowA(kind.lpszClassName, "Stillroom stand-in", WS_OVERLAPPEDWINDOW | WS_VISIBLE, 0, 0, 300, 200, NULL,
                  NULL, kind.hInstance, NULL);
    puts("open");
    fflush(stdout);
    MSG message;
    while (GetMessageA(&message, NULL, 0, 0) > 0) DispatchMessageA(&message);
    puts("closed politely");
    return 0;
}
