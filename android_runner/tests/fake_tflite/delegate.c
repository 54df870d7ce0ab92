#include "fake.h"

const char *TfLiteVersion(void)
{
    return "2.99.0";
}

struct tflite_delegate fake_xnnpack;

struct tflite_xnnpack_options TfLiteXNNPackDelegateOptionsDefault(void)
{
    return (struct tflite_xnnpack_options){0, "rest"};
}

tflite_delegate TfLiteXNNPackDelegateCreate(const struct tflite_xnnpack_options *options)
{
    if (scripted(__func__))
        return NULL;
    trace("xnnpack %d %s\n", options ? options->threads : 0, options ? options->others : "defaults");
    return &fake_xnnpack;
}

void TfLiteXNNPackDelegateDelete(tflite_delegate delegate)
{
    (void)delegate;
}
