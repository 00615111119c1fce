// A Vulkan driver for another card, in place of one: it loads, and says that it does not fit this computer.
// Vulkan's loader finds it by a JSON file that VK_DRIVER_FILES names.
// https://vulkan.lunarg.com/doc/view/latest/linux/LoaderDriverInterface.html
#include <string.h>

enum { SUCCESS = 0, INCOMPATIBLE_DRIVER = -9 };

typedef void (*Function)(void);

static int create_instance(const void *wish, const void *allocator, void **instance) {
    (void)wish, (void)allocator, (void)instance;
    return INCOMPATIBLE_DRIVER;
}

static int no_extensions(const char *layer, unsigned *count, void *names) {
    (void)layer, (void)names;
    *count = 0;
    return SUCCESS;
}

int vk_icdNegotiateLoaderICDInterfaceVersion(unsigned *version) { return *version = 5, SUCCESS; }

Function vk_icdGetInstanceProcAddr(void *instance, const char *name) {
    (void)instance;
    if (strcmp(name, "vkCreateInstance") == 0) return (Function)create_instance;
    if (strcmp(name, "vkEnumerateInstanceExtensionProperties") == 0) return (Function)no_extensions;
    return 0;
}
